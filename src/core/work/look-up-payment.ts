import type { Command } from "../billing/command.ts";
import type { RowOf } from "../billing/read-model.ts";
import type { AttemptId, GatewayAccount } from "../ids.ts";
import { awaitsAnswer, CHECK_HOLD_MS } from "../invoice/reading.ts";
import type { ChargeAnswer, Movement, Payments } from "../ports/payments.ts";
import { type Instant, MINUTE_MS } from "../time.ts";
import { movementsSince } from "./movements.ts";
import { ended, later, noContract, openRun, type Run, soon, unanswered } from "./run.ts";
import type { WorkDone, WorkFunction, WorkPorts } from "./work.ts";

/** Refusals after which there is nothing to look up: the attempt is none of ours. */
const OVER = ["not_found", "attempt_unknown"];

/**
 * Asks the gateway what became of an attempt whose answer is missing, or which a payer says was paid: by its id, then in the
 * list of what moved since. That nothing is found proves something only when it is found again later; the State Updater counts.
 */
export const lookUpPayment: WorkFunction = async (ports, row) => {
  const attemptId = row.subject as AttemptId;
  const known = await ports.queries.attempt(attemptId);
  if (!known.ok) return soon(known.error.code);
  if (known.value === null) return { status: "done" };
  const { attempt } = known.value;
  const payments = ports.paymentsOf(attempt.gatewayAccount as GatewayAccount);
  if (payments === null) return noContract(attempt.gatewayAccount);

  const run = openRun(ports, row);
  const found = await payments.find(attemptId);
  if (!found.ok) return unanswered(found.error);
  if (found.value.status === "pending") return later(patienceMs(attempt, ports.now()), "the gateway has no end yet");
  if (isOfAnotherTry(attempt, found.value)) {
    const heldMs = (attempt.checkedAt ?? 0) + CHECK_HOLD_MS - ports.now();
    if (heldMs > 0) return later(heldMs, "a payment is on its way");
    return readList(ports, payments, run, attempt);
  }
  if (found.value.status !== "nothing") return ended(await run.byGateway(payments, factOf(attempt, found.value)), OVER);
  // Asked for a hint's sake: that nothing has been paid yet says nothing.
  if (!awaitsAnswer(attempt)) return { status: "done" };
  const none = await run.byGateway(payments, { type: "payment.find_nothing", attemptId, by: "find" });
  if (none.status === "failed" || !none.outcome.ok) return ended(none, OVER);
  return readList(ports, payments, run, attempt);
};

/** A payer who has left the bank's page for good may be waited for by the gateway for ever: it is asked ever more rarely. */
const patienceMs = ({ statusAt }: RowOf<"attempts">, now: Instant): number =>
  Math.max(MINUTE_MS, Math.floor((now - statusAt) / 10));

/** The gateway finds the last of several tries: what it declined after a payment was let through says nothing of that one. */
const isOfAnotherTry = (
  { checkTransactionId }: RowOf<"attempts">,
  found: ChargeAnswer | { readonly status: "nothing" },
): boolean => found.status === "declined" && checkTransactionId !== null && found.transactionId !== checkTransactionId;

const readList = async (
  ports: WorkPorts,
  payments: Payments,
  run: Run,
  attempt: RowOf<"attempts">,
): Promise<WorkDone> => {
  const attemptId = attempt.attemptId as AttemptId;
  const moved = await movementsSince(payments, attempt.madeAt, ports.now());
  if (!moved.ok) return unanswered(moved.error);
  const facts = moved.value
    .filter((movement) => movement.attemptId === attemptId)
    .sort((a, b) => a.at - b.at)
    .flatMap((movement) => factOfMovement(attempt, movement));
  if (facts.length === 0) {
    return ended(await run.byGateway(payments, { type: "payment.find_nothing", attemptId, by: "list" }), OVER);
  }
  let last: WorkDone = { status: "done" };
  for (const fact of facts) {
    last = ended(await run.byGateway(payments, fact), OVER);
    if (last.status === "later") return last;
  }
  return last;
};

type Answered = Exclude<ChargeAnswer, { readonly status: "pending" }>;
const factOf = ({ attemptId, gatewayAccount }: RowOf<"attempts">, answer: Answered): Command => {
  const attempt = attemptId as AttemptId;
  if (answer.status === "declined") {
    const { transactionId, decline } = answer;
    return { type: "payment.decline", attemptId: attempt, transactionId, decline };
  }
  const { transactionId, amount, accountId, onlyAuthorised } = answer;
  return {
    type: "payment.succeed",
    attemptId: attempt,
    gatewayAccount: gatewayAccount as GatewayAccount,
    transactionId,
    amount,
    accountId,
    onlyAuthorised,
    cardId: null,
  };
};

const factOfMovement = (attempt: RowOf<"attempts">, movement: Movement): readonly Command[] => {
  const { transactionId } = movement;
  if (movement.kind === "refund") return [];
  if (movement.kind === "decline")
    return [factOf(attempt, { status: "declined", transactionId, decline: movement.decline })];
  // What was held and let go of took no money: the payer may pay again.
  if (movement.status === "voided") {
    const decline = { kind: "ask_payer", reason: "refused" } as const;
    return [factOf(attempt, { status: "declined", transactionId, decline })];
  }
  const { amount, accountId } = movement;
  const onlyAuthorised = movement.status === "authorised";
  return [factOf(attempt, { status: "captured", transactionId, amount, accountId, onlyAuthorised })];
};
