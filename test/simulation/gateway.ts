import { type AttemptId, parseAttemptId, payerNamed, type RefundId, type TransactionId } from "../../src/core/ids.ts";
import type { Decline } from "../../src/core/invoice/invoice.ts";
import { formatAmount, type Money } from "../../src/core/money.ts";
import type { CallbackRead, CallbackVerdict, SavedCard, Told } from "../../src/core/ports/callbacks.ts";
import type {
  Found,
  Movement as Listed,
  PaymentFault,
  Payments,
  RefundAnswer,
  RefundRequest,
} from "../../src/core/ports/payments.ts";
import { err, ok, type Result } from "../../src/core/result.ts";
import { DAY_MS, HOUR_MS, type Instant, MINUTE_MS, plusMs } from "../../src/core/time.ts";
import { demand } from "../core/billing/books.ts";
import { GATEWAY, transactionNamed } from "../support/cinema.ts";
import type { Movement } from "../support/gateway.ts";
import type { Machine, Process } from "./process.ts";

/** One movement in the gateway's books: what it is, when it began, and from when on look-ups show it. */
export type Entry = Movement & { readonly at: Instant; readonly seenFrom: Instant; readonly account: string | null };

/** What the widget tells the gateway: the payer's browser may have changed any of it. */
export type Order = {
  readonly reference: string | null;
  readonly account: string | null;
  readonly amount: Money;
  /** Only blocked and not taken. */
  readonly onlyAuthorised: boolean;
  readonly saveCard: boolean;
};
export type Payer = {
  /** How long the payer takes to prove who he is. */
  readonly thinksMs: number;
  readonly declined: Decline | null;
  /** Leaves when the bank asks who he is: nothing is heard of it any more. */
  readonly leaves: boolean;
  /** No `check` comes before it, as with a QR code that is paid a second time. */
  readonly unasked: boolean;
};

export type Door = {
  readonly process: Process;
  take(read: CallbackRead, raw: string): Promise<CallbackVerdict | null>;
  keepUnreadable(kind: string, field: string, raw: string): Promise<CallbackVerdict | null>;
};

/** How long the gateway works on a request at most, whether or not somebody waits. Source: fact sheet, 2.1 and 6. */
const WORKS_MS = 5 * MINUTE_MS;
const REMEMBERS_MS = HOUR_MS;
export const CALL_TIMEOUT_MS = 30_000;
/** Our adapter's own deadline. */
const DEADLINE_MS = 30_000;
const LADDER_MS = [1, 2, 5, 10, 30].map((minutes) => minutes * MINUTE_MS);
const CALLS = 100;
const ROWS_OF_A_PAGE = 3;

/**
 * CloudPayments as its fact sheet has it, with books of its own. What it does, it does whether or not anybody of ours is
 * alive; what it was asked once it does once, within the hour for which it remembers.
 */
export const openGateway = (machine: Machine, checks: boolean) => {
  const { scheduler, dice, faults, fail } = machine;
  const self = { name: "gateway", isAlive: () => true };
  const turn = (what: string, afterMs = 0): Promise<void> => scheduler.turn(self, what, afterMs);
  const books: Entry[] = [];
  const doors = new Set<Door>();
  /** Requests for refunds that got here, by our id. */
  const arrived = new Map<RefundId, RefundRequest>();
  /** Those that our books hold for never made: they are asked anew under another id. */
  const givenUp = new Set<RefundId>();
  /** Those of them by which money has gone back. */
  const made = new Set<RefundId>();
  const answers = new Map<RefundId, { readonly at: Instant; readonly answer: Promise<RefundAnswer> }>();
  const untold = new Set<string>();
  /** Payments that a payer or a bank has still to decide. */
  const deciding = new Set<{ readonly attemptId: string | null; readonly at: Instant }>();
  /** When the last payment of an attempt was decided. */
  const decidedAt = new Map<string | null, Instant>();
  let numbered = 0;

  const next = (): TransactionId => {
    numbered += 1;
    return transactionNamed(`${1000 + numbered}`);
  };
  const enter = (movement: Movement, account: string | null, at: Instant, lateMs = 0): void => {
    const late = faults.happens("books_late") ? dice.about(1, Math.max(lateMs, 2)) : 0;
    books.push({ ...movement, account, at, seenFrom: plusMs(scheduler.now(), Math.min(late, lateMs)) });
  };
  const seen = (): readonly Entry[] => books.filter(({ seenFrom }) => seenFrom <= scheduler.now());
  const paymentOf = (of: TransactionId) => books.find((one) => one.kind === "payment" && one.transactionId === of);
  const leftOf = (of: TransactionId): bigint =>
    books.reduce(
      (left, one) => (one.kind === "refund" && one.of === of ? left - one.amount.minor : left),
      paymentOf(of)?.amount.minor ?? 0n,
    );

  // Callbacks.

  const call = async (what: string, ask: (door: Door) => Promise<CallbackVerdict | null>) => {
    const door = dice.pick([...doors].filter(({ process }) => process.isAlive()));
    if (door === null) return null;
    const verdict = await scheduler.within(self, `${what}: no answer`, ask(door), CALL_TIMEOUT_MS);
    return faults.happens("callback_unheard") ? null : verdict;
  };
  const callOnce = (told: Told, eventKey: string) => {
    const read = { eventKey, told };
    return call(eventKey, (door) => door.take(read, JSON.stringify(told, asText)));
  };
  const callAgain = async (told: Told, eventKey: string, afterMs: number): Promise<void> => {
    await turn(`calls again ${eventKey}`, afterMs);
    await callOnce(told, eventKey);
  };
  const garble = async (): Promise<void> => {
    const raw = `Amount=${dice.below(1e9)}`;
    await turn("calls in words that nobody knows");
    await call("garbled", (door) => door.keepUnreadable("pay", "TransactionId", raw));
  };
  /** Calls until it hears that we have it. */
  const tell = async (told: Told, eventKey: string): Promise<void> => {
    untold.add(eventKey);
    if (faults.happens("callback_garbled")) garble().catch(fail);
    for (let calls = 0; calls < CALLS; calls += 1) {
      const late = faults.happens("callback_late") ? dice.about(100, 2 * MINUTE_MS) : 0;
      if (faults.happens("callback_held_back"))
        await turn(`holds back ${eventKey}`, dice.about(MINUTE_MS, 6 * HOUR_MS));
      await turn(`calls ${eventKey}`, calls === 0 ? late : LADDER_MS[Math.min(calls, LADDER_MS.length) - 1]);
      if (faults.happens("callback_twice")) callAgain(told, eventKey, dice.about(1, 2 * HOUR_MS) - 1).catch(fail);
      const verdict = await callOnce(told, eventKey);
      if (verdict !== "accepted" && verdict !== "unreadable") continue;
      untold.delete(eventKey);
      return;
    }
  };

  // Money that comes in.

  const pay = async (order: Order, payer: Payer): Promise<TransactionId | null> => {
    const { reference, account, amount, onlyAuthorised } = order;
    const [transactionId, at] = [next(), scheduler.now()];
    const named = { reference, transactionId };
    await turn("a payer submits a card");
    if (checks && !payer.unasked) {
      const verdict = await callOnce({ kind: "check", ...named, amount, account }, `check:${transactionId}`);
      if (verdict !== "accepted") return declines(order, transactionId, at, { kind: "our_outage", reason: "refused" });
    }
    if (payer.leaves) return null;
    const begun = { attemptId: reference, at };
    deciding.add(begun);
    await turn("a bank decides", payer.thinksMs);
    deciding.delete(begun);
    decidedAt.set(reference, scheduler.now());
    if (payer.declined !== null) return declines(order, transactionId, at, payer.declined);
    // The reference is what the browser has sent: an attempt of ours, or anything.
    const attemptId = reference as AttemptId;
    enter({ kind: "payment", transactionId, attemptId, amount, onlyAuthorised }, account, at, MINUTE_MS);
    const card = order.saveCard ? cardOf(account) : null;
    const told = { kind: "payment", ...named, amount, account, onlyAuthorised, card } as const;
    tell(told, `pay:${transactionId}`).catch(fail);
    return transactionId;
  };
  const declines = (order: Order, transactionId: TransactionId, at: Instant, decline: Decline): null => {
    const attemptId = order.reference as AttemptId;
    enter({ kind: "decline", transactionId, attemptId, amount: order.amount, decline }, order.account, at);
    const told = { kind: "decline", reference: order.reference, transactionId, decline } as const;
    tell(told, `fail:${transactionId}`).catch(fail);
    return null;
  };

  // Money that goes back.

  const giveBack = (of: TransactionId, amount: Money, refundId: RefundId | null): TransactionId => {
    const payment = paymentOf(of);
    const [transactionId, kept] = [next(), faults.happens("refund_nameless") ? null : refundId];
    const account = payment?.account ?? null;
    enter({ kind: "refund", transactionId, of, amount, refundId: kept }, account, scheduler.now());
    const reference = payment?.kind === "payment" ? payment.attemptId : null;
    const told = {
      kind: "refund",
      reference,
      of,
      transactionId,
      amount: formatAmount(amount),
      currency: null,
    } as const;
    tell({ ...told, refundId: kept }, `refund:${transactionId}`).catch(fail);
    return transactionId;
  };
  const carryOut = async ({ refundId, transactionId: of, amount }: RefundRequest, afterMs: number) => {
    const isPending = faults.happens("refund_pending");
    await turn("works on a refund", afterMs);
    const payment = paymentOf(of);
    const isLate = payment !== undefined && scheduler.now() >= payment.at + 365 * DAY_MS;
    if (payment === undefined || isLate || amount.minor > leftOf(of))
      return { status: "refused", reason: "more than is left" } as const;
    if (faults.happens("refund_refused")) return { status: "refused", reason: "the bank will not" } as const;
    const transactionId = giveBack(of, amount, refundId);
    made.add(refundId);
    return isPending ? ({ status: "pending" } as const) : ({ status: "done", transactionId } as const);
  };
  /** A request gets here. What was asked under one id is done once, for an hour. */
  const arrive = (request: RefundRequest, afterMs: number): Promise<RefundAnswer> => {
    const { refundId, transactionId, amount } = request;
    demand(!arrived.has(refundId), "I8: a refund is sent once", refundId);
    demand(!givenUp.has(refundId), "I8: a refund that was given up is not sent", refundId);
    const own = [...arrived.values()].filter((one) => one.transactionId === transactionId);
    // What no longer fits beside what went back at the desk can come to nothing but a refusal.
    const standing = own.filter((one) => made.has(one.refundId) || one.amount.minor <= leftOf(transactionId));
    const asked = standing.reduce((all, one) => all + one.amount.minor, amount.minor);
    const isRefused = amount.minor > leftOf(transactionId);
    const fits = isRefused || asked <= (paymentOf(transactionId)?.amount.minor ?? 0n);
    demand(fits, "I6: no more is asked back than was taken", request);
    arrived.set(refundId, request);
    const known = answers.get(refundId);
    if (known !== undefined && scheduler.now() < known.at + REMEMBERS_MS) return known.answer;
    const answer = carryOut(request, afterMs).then((came) => {
      // What is refused moves nothing: it may be asked for again, under another id.
      if (came.status === "refused") arrived.delete(refundId);
      return came;
    });
    answers.set(refundId, { at: scheduler.now(), answer });
    return answer;
  };

  // What our processes ask.

  const LOST = err({ code: "answer_lost" });
  const reading = <T>(process: Process, what: string, read: () => T): Promise<Result<T, PaymentFault>> =>
    process.call(`gateway ${what}`, async () => {
      if (faults.happens("gateway_away")) return err({ code: "gateway_unavailable", retryAfterMs: 5_000 });
      return faults.happens("answer_lost") ? LOST : ok(read());
    });
  const find = (attemptId: AttemptId): Found => {
    const last = seen().findLast((one) => one.kind !== "hold" && one.kind !== "refund" && one.attemptId === attemptId);
    const isPending = [...deciding].some((one) => one.attemptId === attemptId && (last?.at ?? 0) <= one.at);
    if (isPending) return { status: "pending" };
    if (last?.kind === "payment") {
      const { transactionId, amount, onlyAuthorised } = last;
      return { status: "captured", transactionId, amount, accountId: payerNamed(last.account), onlyAuthorised };
    }
    if (last?.kind !== "decline") return { status: "nothing" };
    return { status: "declined", transactionId: last.transactionId, decline: last.decline };
  };
  const refund = async (process: Process, request: RefundRequest): Promise<Result<RefundAnswer, PaymentFault>> => {
    const kind = await process.call("gateway refund", async () => {
      if (faults.happens("gateway_away")) return "away";
      if (faults.happens("answer_lost") && dice.chance(0.5)) return "never_arrives";
      const isSlow = faults.happens("gateway_slow");
      try {
        const answer = arrive(request, isSlow ? dice.about(1000, WORKS_MS) : 0);
        return { answer: faults.happens("answer_lost") ? answer.then(() => null) : answer };
      } catch (error) {
        fail(error);
        return "never_arrives";
      }
    });
    if (kind === "away") return err({ code: "gateway_unavailable", retryAfterMs: dice.about(100, 60_000) });
    const never = new Promise<null>(() => undefined);
    const coming = kind === "never_arrives" ? never : kind.answer.then((answer) => answer ?? never);
    const answer = await scheduler.within(process, "gateway refund: no answer", coming, DEADLINE_MS);
    await process.turn("gateway refund answers");
    return answer === null ? LOST : ok(answer);
  };

  return {
    books: books as readonly Entry[],
    doors,
    arrived: arrived as ReadonlyMap<RefundId, RefundRequest>,
    giveUp: (refundId: RefundId): void => void givenUp.add(refundId),
    untold: untold as ReadonlySet<string>,
    leftOf,
    /** Whether there is a payment of this attempt that was not decided by then. */
    wasDeciding: (attemptId: string, at: Instant): boolean =>
      [...deciding].some((one) => one.attemptId === attemptId) || (decidedAt.get(attemptId) ?? at) > at,
    pay,
    /** At the gateway's own desk: nobody of ours has asked for it. */
    giveBackAtDesk: (of: TransactionId, amount: Money): void => {
      if (amount.minor > 0n && amount.minor <= leftOf(of)) giveBack(of, amount, null);
    },
    /** The gateway as one process reaches it. */
    of: (process: Process): Payments => ({
      gatewayAccount: GATEWAY,
      widget: () => nothingOfTheKind("widget"),
      charge: async () => nothingOfTheKind("charge"),
      void: async () => nothingOfTheKind("void"),
      find: (attemptId) => reading(process, "find", () => find(attemptId)),
      list: async ({ start, end }) => {
        const all = new Map<TransactionId, Listed>();
        for (let page = 0; ; page += 1) {
          const rows = await reading(process, "list", () =>
            seen()
              .filter(({ at }) => start <= at && at < end)
              .sort((a, b) => a.at - b.at)
              .slice(page * ROWS_OF_A_PAGE, (page + 1) * ROWS_OF_A_PAGE),
          );
          if (!rows.ok) return rows;
          for (const row of rows.value) all.set(row.transactionId, listed(row));
          if (rows.value.length < ROWS_OF_A_PAGE) return ok([...all.values()]);
        }
      },
      refund: (request) => refund(process, request),
    }),
  };
};
export type Gateway = ReturnType<typeof openGateway>;

const listed = (entry: Entry): Listed => {
  const { transactionId, at, amount } = entry;
  if (entry.kind === "refund") {
    const { of, refundId } = entry;
    return { transactionId, attemptId: null, at, kind: "refund", of, amount, refundId };
  }
  const named = parseAttemptId(entry.kind === "hold" ? "" : entry.attemptId);
  const placed = { transactionId, attemptId: named.ok ? named.value : null, at };
  if (entry.kind === "decline") return { ...placed, kind: "decline", decline: entry.decline };
  const status = entry.kind === "payment" && entry.onlyAuthorised ? "authorised" : "captured";
  return { ...placed, kind: "payment", status, amount, accountId: payerNamed(entry.account) };
};

export const TOKEN_PREFIX = "tk_";
const cardOf = (account: string | null): SavedCard => ({
  token: `${TOKEN_PREFIX}${account}`,
  mask: "424242******4242",
  expires: "12/29",
});
const asText = (_: string, value: unknown) => (typeof value === "bigint" ? `${value}` : value);

/** Nothing of this story asks for it: a charge, for one, would be one that no consent was read for. */
const nothingOfTheKind = (what: string): never => {
  throw new Error(`I7: nobody may ask for a ${what}`);
};
