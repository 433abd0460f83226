import { intakeBodies } from "../../src/adapters/wire/intake-bodies.ts";
import { fold } from "../../src/core/billing/fold.ts";
import { rowsOf } from "../../src/core/billing/rows.ts";
import { invoiceStream, type StreamName } from "../../src/core/billing/stream.ts";
import type { AccountId, CommandId, InvoiceId } from "../../src/core/ids.ts";
import { CHECK_HOLD_MS } from "../../src/core/invoice/reading.ts";
import { money } from "../../src/core/money.ts";
import { DEFAULT_POLICY } from "../../src/core/policy.ts";
import type { SuspendedEntry } from "../../src/core/ports/intake.ts";
import { DAY_MS, HOUR_MS, type Instant, instantOf, MINUTE_MS, plusMs } from "../../src/core/time.ts";
import { WORK_KINDS } from "../../src/core/work/work.ts";
import { demand, printed } from "../core/billing/books.ts";
import { answered, GATEWAY } from "../support/cinema.ts";
import { commandIdOf } from "./claims.ts";
import { type Order, TOKEN_PREFIX } from "./gateway.ts";
import { type Asked, askUntilTold, leftOf, refundOf, staffAsks } from "./people.ts";
import type { World } from "./world.ts";

// What must be true when faults have healed and some days have gone by.

/** Facts whose payment is never found wait for a day, the gateway calls for two: then all is quiet. */
const HEALS_MS = 3 * DAY_MS;
/** What was under way has come to something by then, but for what the gateway tells in hours. */
const SETTLES_MS = HOUR_MS;
/** The bound for payments. */
const IN_VAIN_MS = 15 * MINUTE_MS;
const WOKEN_MS = MINUTE_MS;
/** An invoice is not closed over a payment on its way, and what is refused is asked again a minute later. */
const OVERDUE_MS = CHECK_HOLD_MS + 5 * MINUTE_MS;
/** So often does each viewer ask whether it may watch, while it pays once more. */
const WATCHES = 6;
const MOST_STEPS = 60_000;

type Step = (until: Instant) => Promise<boolean>;

export const heal = async (world: World, step: Step): Promise<void> => {
  world.note("all faults heal");
  world.faults.heal();
  await rest(world, step, SETTLES_MS);
  await nothingWaitsInVain(world);
  const settledAt = world.scheduler.now();
  world.claims.expectPromptness();
  for (const { accountId, widgets } of world.viewers) {
    payAndRegret(world, widgets[0]).catch(world.fail);
    world.watch(accountId, WATCHES).catch(world.fail);
  }
  await rest(world, step, HEALS_MS, () => allGoesOn(world, settledAt));
  // A gateway that will not take money back leaves it to a person, who has heard of it.
  for (const request of await whatIsLeftToPeople(world)) askUntilTold(world, request, 20).catch(world.fail);
  await rest(world, step, HEALS_MS);
};

const rest = async (
  { scheduler }: World,
  step: Step,
  ms: number,
  look: () => Promise<void> = async () => undefined,
): Promise<void> => {
  const [until, most] = [plusMs(scheduler.now(), ms), scheduler.steps() + MOST_STEPS];
  while (await step(until)) {
    demand(scheduler.steps() < most, "I12: after faults heal all comes to rest");
    await look();
  }
};

/** Money that comes and goes back in one moment: the gateway may tell of it in either order. */
const payAndRegret = async ({ gateway }: World, order: Order | undefined): Promise<void> => {
  if (order === undefined) return;
  const paid = await gateway.pay(order, { thinksMs: 1000, declined: null, leaves: false, unasked: true });
  if (paid !== null) gateway.giveBackAtDesk(paid, order.amount);
};

/** I12, while nothing fails: what is due is done, and a fact that came before its payment goes on as soon as that is told. */
const allGoesOn = async ({ store, scheduler, claims, gateway }: World, since: Instant): Promise<void> => {
  const now = scheduler.now();
  const before = plusMs(now, -OVERDUE_MS);
  const late = answered(await store.queries.due(before, WORK_KINDS, null, 10));
  const isPatient = late.every(
    ({ kind, subject }) => kind === "look_up_payment" && gateway.wasDeciding(subject, before),
  );
  demand(isPatient, "I12: what is due is done in time", late);
  const due = new Set(answered(await store.intake.due(now, 1000)).map(({ id }) => id));
  for (const { id, body, transactionId } of answered(await store.intake.due(EVER, 1000))) {
    const toldAt = transactionId === null ? undefined : claims.keptAt.get(commandIdOf(`pay:${transactionId}`));
    if (due.has(id) || transactionId === null || toldAt === undefined) continue;
    if (toldAt < since || now - toldAt < WOKEN_MS) continue;
    const capture = answered(await store.queries.capture(GATEWAY, transactionId));
    demand(capture === null, "I12: what waits for a payment is woken by it", [id, body, toldAt]);
  }
};

/** I12: a fact may wait for a payment that is not known, and for nothing else. */
const nothingWaitsInVain = async ({ store, scheduler }: World): Promise<void> => {
  for (const { id, body } of answered(await store.intake.due(EVER, 1000))) {
    const asked = intakeBodies.parse(body);
    const command = asked.ok ? asked.value.command : null;
    // What went back of money that is only in suspense stays with it.
    const captured = command?.type === "refund.report" ? command.captureTransactionId : null;
    const capture = captured === null ? null : answered(await store.queries.capture(GATEWAY, captured));
    const paid = command?.type === "payment.succeed" ? answered(await store.queries.attempt(command.attemptId)) : null;
    const knownAt = capture?.capturedAt ?? paid?.attempt.madeAt ?? scheduler.now();
    demand(scheduler.now() - knownAt < IN_VAIN_MS, "I12: what waits, waits for what is not known", [id, body]);
  }
};

const whatIsLeftToPeople = async (world: World): Promise<readonly Asked[]> => {
  const refused = world.reports.filter(({ what }) => what === "refund_refused").map(({ facts }) => facts["refundId"]);
  const { turnedBack } = world.claims;
  const requests: Asked[] = [];
  for (const { invoice, captures, refunds } of await books(world)) {
    for (const capture of captures.filter(({ role }) => role === "extra" || turnedBack.has(invoice.invoiceId))) {
      const left = leftOf(capture);
      if (left === 0n) continue;
      const own = refunds.filter(({ captureTransactionId }) => captureTransactionId === capture.transactionId);
      const isTold = own.some(({ refundKey }) => refused.includes(refundKey));
      demand(isTold, "I2: money that came twice, or for nothing, goes back, or a person knows", capture);
      requests.push(staffAsks(world, refundOf(capture, money(left, "RUB"), "keep")));
    }
  }
  return requests;
};

const books = async ({ store, viewers }: World) => {
  const page = { after: null, limit: 200 };
  const invoices = await Promise.all(
    viewers.map(({ accountId }) => store.queries.invoicesOf(accountId, page).then(answered)),
  );
  const rows = invoices.flat().map(({ invoiceId }) => store.queries.invoice(invoiceId as InvoiceId).then(answered));
  return (await Promise.all(rows)).filter((row) => row !== null);
};

export const allIsWell = async (world: World): Promise<void> => {
  await rowsFollowFromEvents(world);
  await nothingWaits(world);
  await everyFactIsKept(world);
  await booksAgree(world);
};

/** I9. */
export const rowsFollowFromEvents = async ({ store }: World): Promise<void> => {
  const rows = store.rebuild(
    "check",
    (stream, events) => rowsOf(fold(stream, events), DEFAULT_POLICY),
    () => undefined,
  );
  const report = answered(await rows);
  demand(report.identical, "I9: rows are those that follow from the events", report.differences);
};

const EVER = instantOf(253_402_300_799_999);
const AWAITED = ["current", "in_flight", "unknown", "reserved", "open", "processing"];

const nothingWaits = async (world: World): Promise<void> => {
  const { store, gateway, scheduler } = world;
  const waiting = answered(await store.intake.due(EVER, 10));
  demand(waiting.length === 0, "I12: all that was accepted is done or left to a person", waiting);
  const unpublished = answered(await store.outbox.unrelayed(10));
  demand(unpublished.length === 0, "I5: every fact is published", unpublished);
  const due = answered(await store.queries.due(scheduler.now(), WORK_KINDS, null, 10));
  demand(due.length === 0, "I12: all that is due is done", due);
  demand(gateway.untold.size === 0, "I3: the gateway is heard in the end", [...gateway.untold]);
  for (const { invoice, attempts, refunds } of await books(world)) {
    const open = [invoice, ...attempts, ...refunds].filter(({ status }) => AWAITED.includes(status));
    demand(open.length === 0, "I12: each invoice, attempt and refund has its end", open);
  }
};

/** I3, I5, I14: what was accepted has come to something, what was committed has reached the bus, secrets are in the vault. */
const everyFactIsKept = async ({ store, claims, bus, reports }: World): Promise<void> => {
  const suspended = new Set(answered(await store.intake.suspended(1000)).map(({ id }) => id));
  const lost = async (ids: ReadonlySet<CommandId>): Promise<readonly CommandId[]> => {
    const unanswered: CommandId[] = [];
    for (const id of ids)
      if (answered(await store.storage.outcome(id)) === null && !suspended.has(id)) unanswered.push(id);
    return unanswered;
  };
  const [asked, told] = [await lost(claims.accepted), await lost(new Set(claims.keptAt.keys()))];
  demand(asked.length === 0, "I12: what was accepted has an outcome", asked);
  demand(told.length === 0, "I3: what a gateway told has an outcome or waits for a person", told);
  for (const [cardId, accountId] of claims.cards) {
    const token = answered(await store.vault.open(accountId, "card", cardId));
    demand(token !== null, "F23: the token of a saved card is kept", cardId);
  }
  const versions = new Map<StreamName, number>();
  for (const message of answered(await store.outbox.follow(null, 100_000))) {
    versions.set(message.stream, message.version);
    demand(!printed(message).includes(TOKEN_PREFIX), "I14: no token stands in a fact", message);
  }
  for (const [stream, version] of versions)
    demand(bus.taken.get(stream) === version, "I5: no committed fact is lost", [stream, version]);
  for (const report of reports)
    demand(!printed(report).includes(TOKEN_PREFIX), "I14: no token stands in a report", report);
  for (const id of claims.keptAt.keys()) {
    const body = answered(await store.intake.entry(id))?.body ?? "";
    demand(!body.includes(TOKEN_PREFIX), "I14: no token stands in the intake", id);
  }
};

/** I1, I2: the gateway's books and ours, to the kopeck; what is not ours waits for a person. */
const booksAgree = async (world: World): Promise<void> => {
  const { store, gateway, ledger, viewers } = world;
  const rows = await books(world);
  const captures = new Map(rows.flatMap((row) => row.captures).map((one) => [one.transactionId, one]));
  const mismatches = new Map((await allMismatches(world)).map((one) => [one.transactionId, one]));
  const refunds = new Map(rows.flatMap((row) => row.refunds).map((one) => [one.transactionId, one]));
  const inSuspense = new Set(answered(await store.intake.suspended(1000)).map(toldBy));

  for (const entry of gateway.books) {
    const { kind, transactionId, amount } = entry;
    if (kind === "payment") {
      const capture = captures.get(transactionId);
      const mismatch = mismatches.get(transactionId);
      const places = [capture, mismatch, inSuspense.has(`pay:${transactionId}`) || undefined].filter(
        (one) => one !== undefined,
      );
      demand(places.length === 1, "I1: what was taken is in one of our books", [entry, capture, mismatch]);
      const booked = capture?.capturedMinor ?? mismatch?.receivedMinor ?? amount.minor;
      demand(booked === amount.minor, "I1: it is there with the gateway's sum", [entry, booked]);
    }
    if (kind === "refund") {
      const isForeign = captures.get(entry.of) === undefined;
      const booked = refunds.get(transactionId);
      const isThere = isForeign ? inSuspense.has(`refund:${transactionId}`) : booked?.amountMinor === amount.minor;
      demand(isThere, "I1: what went back is in one of our books, with the gateway's sum", [entry, booked]);
    }
  }
  const gone = new Set(gateway.books.map(({ transactionId }) => transactionId));
  for (const id of [...captures.keys(), ...mismatches.keys()])
    demand(gone.has(id as never), "I1: nothing is made up", id);
  for (const id of refunds.keys()) demand(id === null || gone.has(id as never), "I1: no refund is made up", id);
  for (const capture of captures.values()) {
    const back = capture.capturedMinor - gateway.leftOf(capture.transactionId as never);
    demand(capture.returnedMinor === back, "I1: what went back of a payment is booked", [capture, back]);
    const isWanted = capture.role === "settling" && !world.claims.turnedBack.has(capture.invoiceId);
    const isGone = isWanted || back === capture.capturedMinor;
    demand(isGone, "I2: money that came twice, or for nothing, has gone back in full", capture);
  }
  for (const [slot, kept] of ledger.keptCharges())
    demand(kept <= 1, "I2: at most one charge is kept for a period", slot);
  for (const { accountId } of viewers) {
    const credit = answered(await store.queries.customer(accountId))?.credits[0];
    const { balance, reserved } = ledger.creditOf(accountId);
    const isRight = (credit?.balanceMinor ?? 0n) === balance && (credit?.reservedMinor ?? 0n) === reserved;
    demand(isRight, "I1: credit is in the books", [accountId, credit]);
  }
};

/** The gateway's event that a suspended row tells of. */
const toldBy = ({ body }: SuspendedEntry): string => {
  const asked = intakeBodies.parse(body);
  if (!asked.ok) return String(JSON.parse(body).foreign?.eventKey);
  const { command } = asked.value;
  const id = "transactionId" in command ? command.transactionId : "";
  return `${command.type.startsWith("refund") ? "refund" : "pay"}:${id}`;
};

/** Settled ones too: a person's word does not move the money. */
const allMismatches = async ({ store, viewers }: World) => {
  const received: { readonly transactionId: string; readonly receivedMinor: bigint }[] = [];
  const page = { after: null, limit: 200 };
  for (const { accountId } of viewers) {
    for (const { invoiceId } of answered(await store.queries.invoicesOf(accountId as AccountId, page))) {
      for (const { event } of answered(await store.queries.events(invoiceStream(invoiceId as InvoiceId), 0, 1000)))
        if (event.type === "PaymentMismatched")
          received.push({ transactionId: event.payment.transactionId, receivedMinor: event.received.minor });
    }
  }
  return received;
};
