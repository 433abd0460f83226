import type { BillingPolicy } from "../policy.ts";
import { ok, unreachable } from "../result.ts";
import { cancelWithRefund, recordPeriodRefund } from "./cancel.ts";
import { abandonChange, changePlan, dropWaitingChange, quoteChange, recordChangePayment } from "./change.ts";
import {
  closeDunning,
  recordRenewalDecline,
  recordRenewalNeverHappened,
  recordRenewalUnknown,
  takeNewCard,
} from "./dunning.ts";
import { pauseSubscription, resumeSubscription } from "./pause.ts";
import { doesNotFit } from "./refusal.ts";
import { abandonRenewal, invoiceAhead, passBoundary, recordRenewalPayment } from "./renewal.ts";
import { abandonStart, moveUp, recordFirstPayment, startSubscription } from "./start.ts";
import { stopRenewing, undoStop } from "./stop.ts";
import type { Decision, GiveNotice, Notice, Subscription, SubscriptionCommand } from "./subscription.ts";

/**
 * What happens next, or why not. Time and ids arrive inside the command; the calendar is read here and never in `evolve`.
 * A fact that is told again (a payment, a decline) yields nothing the second time. Source: design part 5, the table.
 */
export const decide = (command: SubscriptionCommand, state: Subscription, policy: BillingPolicy): Decision => {
  switch (command.type) {
    case "StartSubscription":
      return startSubscription(command, state, policy);
    case "RecordFirstPayment":
      return recordFirstPayment(command, state, policy);
    case "AbandonStart":
      return abandonStart(command, state);
    case "MoveUp":
      return moveUp(command, state);
    case "StopRenewing":
      return stopRenewing(command, state, policy);
    case "UndoStop":
      return undoStop(command, state);
    case "CancelWithRefund":
      return cancelWithRefund(command, state, policy);
    case "PassBoundary":
      return passBoundary(command, state, policy);
    case "InvoiceAhead":
      return invoiceAhead(command, state, policy);
    case "AbandonRenewal":
      return abandonRenewal(command, state);
    case "RecordRenewalPayment":
      return recordRenewalPayment(command, state, policy);
    case "RecordRenewalDecline":
      return recordRenewalDecline(command, state, policy);
    case "RecordRenewalUnknown":
      return recordRenewalUnknown(command, state, policy);
    case "RecordRenewalNeverHappened":
      return recordRenewalNeverHappened(command, state);
    case "TakeNewCard":
      return takeNewCard(command, state);
    case "CloseDunning":
      return closeDunning(command, state);
    case "QuoteChange":
      return quoteChange(command, state, policy);
    case "ChangePlan":
      return changePlan(command, state);
    case "RecordChangePayment":
      return recordChangePayment(command, state, policy);
    case "AbandonChange":
      return abandonChange(command, state);
    case "DropWaitingChange":
      return dropWaitingChange(command, state);
    case "PauseSubscription":
      return pauseSubscription(command, state, policy);
    case "ResumeSubscription":
      return resumeSubscription(command, state, policy);
    case "RecordPeriodRefund":
      return recordPeriodRefund(command, state);
    case "GiveNotice":
      return giveNotice(command, state);
    default:
      return unreachable(command, "decide on a subscription");
  }
};

/** One notice for each (kind, announced instant, sum). Source: billing rules, Time. */
const giveNotice = ({ notice, at }: GiveNotice, state: Subscription): Decision => {
  if (state.status === "absent") return doesNotFit(state);
  return state.notices.some((given) => isSame(given, notice)) ? ok([]) : ok([{ type: "NoticeGiven", notice, at }]);
};

const isSame = (given: Notice, notice: Notice): boolean =>
  given.noticeId === notice.noticeId ||
  (notice.announcedAt !== null &&
    given.kind === notice.kind &&
    given.announcedAt === notice.announcedAt &&
    given.amount?.minor === notice.amount?.minor);
