import type { Actor, StaffRole } from "../actor.ts";
import type { CommandType } from "./command.ts";

type Asker = "payer" | StaffRole | "service" | "gateway" | "system";

const PAYER = ["payer", "support", "manager", "owner"] as const;
const MONEY = ["finance", "owner"] as const;
const CATALOG = ["manager", "owner"] as const;

/**
 * Who may ask for what: the one table of rights, applied when a command is executed and not only at a door. A payer
 * moreover reaches only what is his own; what is somebody else's does not exist for him.
 */
export const MAY_ASK = {
  "plan.create": CATALOG,
  "plan.describe": CATALOG,
  "plan.set_price": CATALOG,
  "plan.archive": CATALOG,
  "plan.restore": CATALOG,
  "subscription.start": [...PAYER, "service"],
  "subscription.stop": [...PAYER, "service"],
  "subscription.undo_stop": PAYER,
  "subscription.cancel": PAYER,
  "subscription.quote_change": PAYER,
  "subscription.change": PAYER,
  "subscription.drop_change": PAYER,
  "subscription.pay_ahead": ["payer"],
  "subscription.pause": PAYER,
  "subscription.resume": [...PAYER, "system"],
  "invoice.offer": ["payer"],
  "setup.offer": ["payer"],
  "consent.withdraw": PAYER,
  "card.remove": PAYER,
  "card.prefer": ["payer"],
  "invoice.issue": [...MONEY, "manager", "service"],
  "invoice.annul": [...MONEY, "manager", "service", "system"],
  "invoice.write_off": MONEY,
  "payment.refund": [...MONEY, "service"],
  "payment.settle_mismatch": MONEY,
  "payment.decide_chargeback": MONEY,
  "credit.add": MONEY,
  "account.erase": ["payer", "owner"],
  "payment.check": ["gateway"],
  "payment.succeed": ["gateway"],
  "payment.decline": ["gateway"],
  "payment.lose_answer": ["gateway", "system"],
  "payment.find_nothing": ["gateway"],
  "payment.charge_back": ["gateway"],
  "refund.succeed": ["gateway"],
  "refund.fail": ["gateway"],
  "refund.lose_answer": ["gateway", "system"],
  "refund.find_nothing": ["gateway"],
  "refund.report": ["gateway"],
  "setup.hold": ["gateway"],
  "setup.decline": ["gateway"],
  "setup.void": ["gateway"],
  "setup.lose_void_answer": ["gateway", "system"],
  "setup.find_held": ["gateway"],
  "invoice.charge": ["payer", "system"],
  "refund.start": ["system"],
  "invoice.expire": ["system"],
  "invoice.end_offer": ["system"],
  "invoice.give_up_waiting": ["system"],
  "subscription.pass_boundary": ["system"],
  "subscription.close_dunning": ["system"],
  "subscription.give_notice": ["system"],
  "setup.ask_void": ["system"],
  "setup.expire": ["system"],
} as const satisfies Readonly<Record<CommandType, readonly Asker[]>>;

export const mayAsk = (actor: Actor, command: CommandType): boolean => {
  const asker: Asker = actor.kind === "staff" ? actor.role : actor.kind;
  const allowed: readonly Asker[] = MAY_ASK[command];
  return allowed.includes(asker);
};
