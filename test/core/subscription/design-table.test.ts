import { describe, expect, test } from "bun:test";
import { Bug } from "../../../src/core/result.ts";
import type { Decision, Subscription, SubscriptionEvent } from "../../../src/core/subscription/subscription.ts";
import { run } from "../../support/subscription.ts";
import { ORDERS, type OrderName, SITUATIONS, type SituationName } from "./situations.ts";

/** Design part 5, word for word. Its rows "start again" are not the machine's: a start meets the account, in billing. */
const DESIGN = `
| command | incomplete | trialing | active | past_due | paused | ended |
|---|---|---|---|---|---|---|
| stop renewing | -> ended, invoice void | flag, ends with the trial | flag | -> ended, invoice void | the kept rest runs out, then ended | nothing new |
| undo | refused | flag off, if card and consent stand | same | refused | refused | refused |
| cancel with refund | -> ended | -> ended | -> ended, refund by policy | -> ended, invoice void | -> ended, unused time refunded | refused |
| renewal due | - | invoice | invoice | nothing | nothing | nothing |
| renewal invoice paid | - | -> active | next period | -> active | money back | money back |
| renewal declined, or unknown for 24 h | - | -> past_due | -> past_due | stays | - | - |
| dunning over | - | - | - | -> ended, invoice uncollectible | - | - |
| upgrade | refused | at once, no charge, trial goes on | invoice for the difference | refused | refused | refused |
| downgrade | refused | at once | at period end | refused | refused | refused |
| pause | refused | refused | now or at period end | refused | nothing new | refused |
`;

/** In which situations a row speaks, where it is not each column's plain one; "undo" takes back a stop, and so on. */
const PLAIN = {
  incomplete: ["incomplete"],
  trialing: ["trialing_free", "trialing_paid"],
  active: ["active"],
  past_due: ["past_due", "past_due_halted"],
  paused: ["paused_kept"],
  ended: ["ended"],
} as const satisfies Readonly<Record<string, readonly SituationName[]>>;
const STOPPED = {
  ...PLAIN,
  trialing: ["trialing_stopping"],
  active: ["active_stopping", "active_no_consent"],
} as const;
const RENEWAL_OUT = { ...PLAIN, trialing: ["trialing_due"], active: ["active_renewal_out"] } as const;
type Columns = Readonly<Record<keyof typeof PLAIN, readonly SituationName[]>>;

const ROWS: Readonly<Record<string, { readonly orders: readonly OrderName[]; readonly columns: Columns }>> = {
  "stop renewing": { orders: ["stop renewing"], columns: PLAIN },
  undo: { orders: ["undo"], columns: STOPPED },
  "cancel with refund": { orders: ["cancel with refund"], columns: PLAIN },
  "renewal due": { orders: ["renewal due"], columns: PLAIN },
  "renewal invoice paid": { orders: ["renewal invoice paid"], columns: RENEWAL_OUT },
  "renewal declined, or unknown for 24 h": {
    orders: ["renewal declined softly", "renewal declined for good", "renewal unknown for 24 h"],
    columns: RENEWAL_OUT,
  },
  "dunning over": { orders: ["dunning over"], columns: PLAIN },
  upgrade: { orders: ["upgrade as quoted"], columns: PLAIN },
  downgrade: { orders: ["downgrade as quoted"], columns: PLAIN },
  pause: { orders: ["pause now", "pause at period end"], columns: PLAIN },
};

type Outcome = { readonly before: Subscription; readonly decision: Decision; readonly after: Subscription };
const eventsOf = ({ decision }: Outcome): readonly SubscriptionEvent[] => (decision.ok ? decision.value : []);
const endOf = (outcome: Outcome) => {
  const end = eventsOf(outcome).find((event) => event.type === "SubscriptionEnded");
  if (end === undefined) throw new Bug("it has not ended");
  return end;
};
const refundOf = (outcome: Outcome) => {
  const cancelled = eventsOf(outcome).find((event) => event.type === "SubscriptionCancelled");
  if (cancelled === undefined) throw new Bug("it has not been cancelled");
  return cancelled;
};
const invoiceOf = (state: Subscription): string | null =>
  state.status === "incomplete" ? state.invoiceId : "renewal" in state ? (state.renewal?.invoiceId ?? null) : null;
const flagged = (state: Subscription) => "endsAtPeriodEnd" in state && state.endsAtPeriodEnd?.by === "payer";

const isRefused = ({ decision }: Outcome) => expect(decision.ok).toBe(false);
const isNothingNew = ({ decision }: Outcome) => expect(decision).toEqual({ ok: true, value: [] });
/** It does not come to that: refused or ignored, and at most a payment goes back. */
const cannotBe = (outcome: Outcome) => {
  expect(outcome.after.status).toBe(outcome.before.status);
  expect(eventsOf(outcome).filter(({ type }) => type !== "PaymentTurnedBack")).toEqual([]);
};
const movesTo = (status: Subscription["status"]) => (outcome: Outcome) => expect(outcome.after.status).toBe(status);
const endsLeaving = (as: "void" | "uncollectible") => (outcome: Outcome) =>
  expect<unknown>(endOf(outcome).leaves).toEqual({ invoiceId: invoiceOf(outcome.before), as });
const isFlagged = (outcome: Outcome) => {
  expect([outcome.after.status, flagged(outcome.after)]).toEqual([outcome.before.status, true]);
};
const isUnflagged = (outcome: Outcome) => {
  expect(outcome.after.status).toBe(outcome.before.status);
  expect("endsAtPeriodEnd" in outcome.after && outcome.after.endsAtPeriodEnd).toBeNull();
};
const gives = (rule: "unused") => (outcome: Outcome) => {
  expect(refundOf(outcome).rule).toBe(rule);
  expect(refundOf(outcome).refund.minor > 0n).toBe(true);
  movesTo("ended")(outcome);
};
const happens =
  (...types: readonly SubscriptionEvent["type"][]) =>
  (outcome: Outcome) =>
    expect(eventsOf(outcome).map(({ type }) => type)).toEqual([...types]);

/** What each of the design's words means. A word that is not here fails. */
const WORDS: Readonly<Record<string, (outcome: Outcome) => void>> = {
  "-": cannotBe,
  refused: isRefused,
  nothing: isNothingNew,
  "nothing new": isNothingNew,
  "-> ended": movesTo("ended"),
  "-> active": movesTo("active"),
  "-> past_due": movesTo("past_due"),
  "-> ended, invoice void": endsLeaving("void"),
  "-> ended, invoice uncollectible": endsLeaving("uncollectible"),
  "-> ended, refund by policy": gives("unused"),
  "-> ended, unused time refunded": gives("unused"),
  "flag, ends with the trial": isFlagged,
  flag: isFlagged,
  "flag off, if card and consent stand": isUnflagged,
  same: isUnflagged,
  "the kept rest runs out, then ended": (outcome) => {
    happens("RenewalStopped", "SubscriptionResumed")(outcome);
    expect(flagged(outcome.after)).toBe(true);
  },
  invoice: happens("RenewalInvoiced"),
  "next period": happens("SubscriptionRenewed"),
  "money back": happens("PaymentTurnedBack"),
  stays: movesTo("past_due"),
  "at once, no charge, trial goes on": (outcome) => {
    happens("PlanChanged")(outcome);
    movesTo("trialing")(outcome);
  },
  "at once": happens("PlanChanged"),
  "invoice for the difference": happens("ChangeInvoiced"),
  "at period end": happens("ChangeScheduled"),
  "now or at period end": (outcome) =>
    expect<unknown>(["SubscriptionPaused", "PausePlanned"]).toContain(eventsOf(outcome)[0]?.type),
};

/** Of the last of an order's commands; a quote that comes before it is only its way. */
const outcomeOf = (order: OrderName, name: SituationName): Outcome => {
  const commands = ORDERS[order](SITUATIONS[name]);
  const last = commands.at(-1);
  if (last === undefined) throw new Bug("an order has a command");
  const before = commands
    .slice(0, -1)
    .reduce<Subscription>((state, command) => run(state, command).state, SITUATIONS[name].state);
  const { decision, state } = run(before, last);
  return { before, decision, after: state };
};

const cellsOf = (line: string): readonly string[] =>
  line
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
const [head = [], , ...body] = DESIGN.trim().split("\n").map(cellsOf);

describe("the design's own table", () => {
  for (const [row = "", ...cells] of body) {
    for (const [index, word] of cells.entries()) {
      const column = head[index + 1] as keyof Columns;
      test(`${row} | ${column} | ${word}`, () => {
        const known = ROWS[row];
        const holds = WORDS[word];
        if (known === undefined || holds === undefined) throw new Bug(`no meaning for ${row} | ${word}`);
        for (const order of known.orders) for (const name of known.columns[column]) holds(outcomeOf(order, name));
      });
    }
  }

  test("has all of its rows and columns here", () => {
    expect([body.map(([row]) => row), head.slice(1)]).toEqual([Object.keys(ROWS), Object.keys(PLAIN)]);
  });
});
