import type { FaultDice } from "./faults.ts";
import type { Kind, Ledger, Notification, Transaction } from "./ledger.ts";
import { type BodyFormat, notificationBody, type SignedCall, signedCall } from "./notification-body.ts";

const MINUTE_MS = 60_000;
/** Waits after the first try, the second and so on; the last step repeats. Source: fact sheet, 3.7. */
const OWN_LADDER_MS: readonly number[] = [1, 2, 5, 10, 30].map((minutes) => minutes * MINUTE_MS);
/**
 * The gateway's own ladder, on which a hundred tries take two days.
 * @param scale 1 is real time; of 1/60 a minute passes in a second
 */
export const gatewayLadder = (scale = 1): readonly number[] => OWN_LADDER_MS.map((ms) => ms * scale);
/** What a sandbox keeps to by itself: its steps are as long in seconds as the first ones are in minutes, for a person waits. */
export const LADDER_MS: readonly number[] = gatewayLadder(1 / 60);
const MOST_ATTEMPTS = 100;
const DEADLINE_MS = 30_000;
const HELD_MS = 5000;
const MOST_AT_ONCE = 20;

export type CourierParts = {
  readonly ledger: Ledger;
  readonly faults: FaultDice;
  readonly apiSecret: string;
  /** Where the merchant answers; the kind is added to it. */
  readonly notify: () => string;
  readonly format: () => BodyFormat;
  readonly send: typeof fetch;
  /** Time of what is told. The next try is a matter of wall time, whatever this says. */
  readonly now: () => number;
  readonly ladderMs: readonly number[];
  readonly log: (line: string) => void;
};
export type Courier = ReturnType<typeof openCourier>;

/** Tells the merchant. What is added in a transaction of the ledger is sent once that transaction is there. */
export const openCourier = (parts: CourierParts) => {
  const { ledger, faults, apiSecret, send, ladderMs, log } = parts;
  const closing = new AbortController();
  const under = new Map<number, Promise<void>>();
  let timer: ReturnType<typeof setTimeout> | null = null;
  let waiting: (() => void)[] = [];

  const targetOf = (kind: Kind) => {
    const { address, method } = ledger.subscription(kind);
    return { address: address ?? `${parts.notify()}/${kind}`, method };
  };
  const isIdle = (): boolean => under.size === 0 && ledger.pendingNotifications().length === 0;
  const wakeAt = (ms: number): void => {
    if (closing.signal.aborted) return;
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(pump, Math.max(0, ms - Date.now()));
  };
  const pump = (): void => {
    timer = null;
    if (closing.signal.aborted) return;
    for (const one of ledger.dueNotifications(Date.now()))
      if (!under.has(one.id) && under.size < MOST_AT_ONCE) start(one);
    const next = ledger.pendingNotifications().find(({ id }) => !under.has(id));
    // With all hands full the next delivery that ends wakes us.
    if (next !== undefined && under.size < MOST_AT_ONCE) wakeAt(next.dueAt);
    if (!isIdle()) return;
    for (const wake of waiting) wake();
    waiting = [];
  };
  const start = (one: Notification): void => {
    const delivery = deliver(one).then(() => {
      under.delete(one.id);
      wakeAt(0);
    });
    under.set(one.id, delivery);
  };
  const deliver = async (one: Notification): Promise<void> => {
    const heard = await post(signedCall(one, targetOf(one.kind), apiSecret));
    if (closing.signal.aborted) return; // Still pending: it goes on at the next start.
    const attempts = one.attempts + 1;
    if (heard.kind === "answer" && heard.code === 0) {
      ledger.atomically(() => {
        ledger.markNotification({ ...one, attempts, state: "delivered" });
        ledger.releaseHeld(Date.now());
      });
      return;
    }
    log(`${one.kind} of ${one.transactionId} was not accepted (try ${attempts}): ${describe(heard)}`);
    const waitMs = ladderMs[Math.min(attempts, ladderMs.length) - 1] ?? 0;
    const state = attempts >= MOST_ATTEMPTS ? "given_up" : "pending";
    ledger.markNotification({ ...one, attempts, state, dueAt: Date.now() + waitMs });
  };
  const post = async ({ url, method, headers, body }: SignedCall): Promise<Heard> => {
    const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(DEADLINE_MS)]);
    try {
      const answer = await send(url, { method, headers, body, signal, redirect: "manual", keepalive: false });
      const text = await answer.text();
      return answer.status === 200 ? { kind: "answer", code: codeOf(text) } : { kind: "status", status: answer.status };
    } catch {
      // No connection, or no whole answer in time: the merchant may have heard it all the same.
      return { kind: "silence" };
    }
  };

  return {
    /** Leaves a notification in the ledger. To be called inside the transaction that makes the fact. */
    add: (kind: Kind, transaction: Transaction): void => {
      if (!ledger.subscription(kind).enabled) return;
      const isWrong = kind === "pay" && faults.take(["wrong_amount"], kind) !== null;
      const toldMinor = transaction.minor + (isWrong ? 100 : 0);
      const told = notificationBody(kind, transaction, parts.format(), { toldMinor, atMs: parts.now() });
      const held = faults.take(["reorder"], kind) !== null;
      const copies = faults.take(["duplicate"], kind) === null ? 1 : 2;
      const state = faults.take(["lost"], kind) === null ? "pending" : "lost";
      const dueAt = Date.now() + (held ? HELD_MS : 0);
      const { id: transactionId } = transaction;
      for (let copy = 0; copy < copies; copy += 1)
        ledger.addNotification({ kind, transactionId, ...told, state, attempts: 0, dueAt, held });
      wakeAt(0);
    },
    /**
     * Asks the merchant whether a payment may go on; asked once.
     * @returns zero, or the reason code of the refusal
     */
    check: async (transaction: Transaction): Promise<number> => {
      if (!ledger.subscription("check").enabled) return 0;
      const times = { toldMinor: transaction.minor, atMs: parts.now() };
      const told = notificationBody("check", transaction, parts.format(), times);
      const heard = await post(signedCall(told, targetOf("check"), apiSecret));
      // The merchant has not answered; we have stopped listening. Nothing may be concluded from it.
      if (closing.signal.aborted) throw new GatewayStopped();
      const reason = reasonOfCheck(heard);
      if (reason !== 0) log(`check of ${transaction.id} was refused: ${describe(heard)}`);
      return reason;
    },
    /** What is sent for a notification, byte for byte. */
    signed: (one: Notification): SignedCall => signedCall(one, targetOf(one.kind), apiSecret),
    start: () => wakeAt(0),
    isIdle,
    /** Nothing is left to be delivered. */
    idle: (): Promise<void> => (isIdle() ? Promise.resolve() : new Promise((done) => waiting.push(done))),
    stop: async (): Promise<void> => {
      closing.abort();
      if (timer !== null) clearTimeout(timer);
      await Promise.all(under.values());
      for (const wake of waiting) wake();
    },
    stopped: closing.signal,
  };
};

/** The simulator was stopped in the middle of a request. Nothing of it was recorded. */
export class GatewayStopped extends Error {
  override readonly name = "GatewayStopped";
}

type Heard =
  | { readonly kind: "answer"; readonly code: number | null }
  | { readonly kind: "status"; readonly status: number }
  | { readonly kind: "silence" };

/** The merchant's codes, and the reasons that they become. Source: fact sheet, 2.7. */
const CHECK_REASONS: Readonly<Record<number, number>> = { 0: 0, 10: 3001, 11: 3002, 12: 3003, 20: 3004, 13: 3008 };
const [FORMAT_ERROR, UNAVAILABLE, UNABLE_TO_CONNECT] = [3005, 3006, 3007];

const reasonOfCheck = (heard: Heard): number => {
  if (heard.kind === "answer") return CHECK_REASONS[heard.code ?? -1] ?? FORMAT_ERROR;
  return heard.kind === "status" && [500, 502, 503].includes(heard.status) ? UNAVAILABLE : UNABLE_TO_CONNECT;
};

const codeOf = (text: string): number | null => {
  try {
    const answer: unknown = JSON.parse(text);
    const code = typeof answer === "object" && answer !== null && "code" in answer ? answer.code : null;
    return typeof code === "number" ? code : null;
  } catch {
    return null; // Garbage is an answer of its own: no code.
  }
};

const describe = (heard: Heard): string => {
  if (heard.kind === "silence") return "no answer";
  if (heard.kind === "status") return `HTTP ${heard.status}`;
  return heard.code === null ? "an answer without a code" : `code ${heard.code}`;
};
