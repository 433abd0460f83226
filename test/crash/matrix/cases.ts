import { POINTS } from "./effect-points.ts";
import { type Blow, MODES, type Mode, nameOf } from "./injection.ts";
import type { StoryName } from "./story.ts";

/** One point of the story, with all that is done to it. */
export type Station = { readonly point: string; readonly label: string | null; readonly story: StoryName };

/** What the short story does, and struck there. A run without a blow must reach exactly these. */
const REACHED: Readonly<Record<string, readonly string[] | null>> = {
  "door.request": [
    "POST /auth/api/v1/sign-up",
    "POST /auth/api/v1/refresh",
    "POST /subscriptions/api/v1/subscriptions",
    "POST /payments/api/v1/invoices/{id}/pay",
    "POST /auth/api/v1/logout",
  ],
  "door.callback": ["check", "fail", "pay", "refund"],
  "accounts.create": null,
  "accounts.openSession": null,
  "accounts.rotate": null,
  "accounts.endSession": null,
  "intake.accept": ["subscription.start", "invoice.offer", "payment.decline", "payment.succeed", "refund.succeed"],
  "intake.acceptCheck": ["payment.check"],
  "vault.dropExpired": null,
  "storage.commit": [
    "ConsentGiven",
    "OfferMade",
    "CheckAccepted",
    "PaymentDeclined",
    "PaymentSucceeded settling",
    "PaymentSucceeded extra",
    "RefundAsked",
    "RefundStarted",
    "RefundSucceeded",
    "no fact",
  ],
  "outbox.relayed": null,
  "bus.publish": null,
  "bus.heard": null,
  "bus.beat": null,
  "bus.ring": null,
  "bus.rung": null,
  "bus.tellOutcome": null,
  "tasks.add": ["send_refund"],
  "tasks.run": ["send_refund"],
  "tasks.step": null,
  // An extra payment goes back whole; of a part the gateway would make a second refund as well.
  "payments.refund": ["of 29900", "of 10000"],
  "storage.load": null,
  "intake.due": null,
  "intake.toDo": null,
  "outbox.unrelayed": null,
  "queries.plan": null,
  "queries.customer": null,
  "queries.subscription": null,
  "queries.invoice": null,
  "queries.attempt": null,
  "queries.capture": null,
  "queries.due": null,
  "accounts.account": null,
  "accounts.session": null,
};
/** What the whole story does besides. */
const REACHED_BESIDES: Readonly<Record<string, readonly string[] | null>> = {
  "intake.accept": ["refund.report"],
  "intake.wait": null,
  "storage.outcome": null,
};
/** What is done where strangers pay. */
const REACHED_WITH_STRANGERS: Readonly<Record<string, readonly string[] | null>> = {
  "intake.accept": ["foreign"],
  "intake.suspend": null,
  "vault.keep": null,
};
/** What is done where the gateway tells nothing. */
const REACHED_IN_SILENCE: Readonly<Record<string, readonly string[] | null>> = {
  // Who has waited for an hour signs in anew.
  "door.request": ["POST /auth/api/v1/login", "POST /payments/api/v1/invoices/{id}/look-up"],
  "accounts.byEmail": null,
  "storage.commit": ["PaymentUnknown", "RefundUnknown"],
  "bus.hint": null,
  "bus.hinted": null,
  "tasks.add": ["end_offer", "look_up_payment", "look_up_refund"],
  "tasks.run": ["end_offer", "look_up_payment", "look_up_refund"],
  "payments.find": null,
  "payments.list": null,
};
/** The gateway may have given back by itself what we ask it to give back, or not yet: both are right. */
export const SOMETIMES: readonly string[] = ["storage.commit RefundFailed", "storage.commit RefundReported"];

/** What no run reaches, and why. Once one does, it belongs above. */
export const UNREACHED: Readonly<Record<string, string>> = {
  "payments.charge": "nothing is renewed by schedule yet",
  "payments.void": "no card is proved without a payment yet",
  "vault.open": "tokens are opened for charges",
  "vault.forget": "no card is removed yet",
  "vault.erase": "nobody is erased yet",
  "mail.send": "nothing is mailed yet",
  "rebuild.rebuild": "an operator's, on a database that stands still: see the contracts of rebuild",
  "store.remember": "before the application opens: see the programs' own tests",
  "store.wallTime": "readiness asks it, and changes nothing",
  "leases.hold": "one process needs no lease",
  "leases.release": "one process needs no lease",
  "intake.replay": "an operator's, of a row that was put aside",
  "intake.untold": "no other service reaches what is embedded: see the chaos of several processes",
  "intake.told": "no other service reaches what is embedded: see the chaos of several processes",
  "services.command": "no other service reaches what is embedded: see the chaos of several processes",
  "services.tell": "no other service reaches what is embedded: see the chaos of several processes",
  "outbox.backlog": "an operator's question",
  "accounts.rehash": "hashes have the parameters of today",
  "intake.entry": "asked by who polls a status",
  "intake.suspended": "an operator's list",
  "outbox.follow": "for readers of other processes",
  "queries.plans": "a page's list, and readiness",
  "queries.subscriptionsOf": "a page's list",
  "queries.invoicesOf": "a page's list",
  "queries.access": "asked by players, changes nothing",
  "queries.accessRows": "asked by players, changes nothing",
  "queries.events": "a page's list",
  "queries.mismatches": "an operator's list",
};

const stationsOf = (table: typeof REACHED, story: StoryName): readonly Station[] =>
  Object.entries(table).flatMap(([point, labels]) =>
    (labels ?? [null]).map((label): Station => ({ point, label, story })),
  );
export const STATIONS: readonly Station[] = [
  ...stationsOf(REACHED, "short"),
  ...stationsOf(REACHED_BESIDES, "whole"),
  ...stationsOf(REACHED_WITH_STRANGERS, "strange"),
  ...stationsOf(REACHED_IN_SILENCE, "silent"),
];

const OF_A_READ: Partial<Record<Mode, string>> = {
  "crash before": "nothing was changed since the effect before it: as a crash after that",
  "crash after": "nothing is changed before the next effect: as a crash before that",
  "answer lost": "nothing was done: as an error",
  "delayed past the deadline": "nothing comes about late: as an error",
  "run twice": "asking twice changes nothing",
};
/** Combinations that make no sense, each with the reason. */
export const WHY_NOT: Readonly<Record<string, Partial<Record<Mode, string>>>> = {
  "accounts.openSession": { "run twice": "id and token are made anew for each call, so that no call is made twice" },
  "accounts.rotate": { "run twice": "the next token is made anew for each call, so that no call is made twice" },
};

const whyNot = ({ point }: Station): Partial<Record<Mode, string>> =>
  POINTS.get(point) === "read" ? OF_A_READ : (WHY_NOT[point] ?? {});

export const blowsAt = (station: Station): readonly Blow[] =>
  MODES.filter((mode) => whyNot(station)[mode] === undefined).map((mode) => ({ ...station, mode }));

export const stationName = ({ point, label }: Station): string => nameOf(point, label);
