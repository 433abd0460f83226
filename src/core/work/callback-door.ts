import type { Actor } from "../actor.ts";
import type { Command } from "../billing/command.ts";
import type { RowOf } from "../billing/read-model.ts";
import {
  type AccountId,
  type AttemptId,
  type CardId,
  type CommandId,
  encodeDerivedId,
  type GatewayAccount,
  parseAttemptId,
  payerNamed,
  type TransactionId,
} from "../ids.ts";
import { whyNotPay } from "../invoice/check.ts";
import { CHECK_HOLD_MS } from "../invoice/reading.ts";
import { type Currency, isCurrency, parseMoney } from "../money.ts";
import type { Bus } from "../ports/bus.ts";
import type { CallbackRead, CallbackVerdict, Told } from "../ports/callbacks.ts";
import type { Clock } from "../ports/clock.ts";
import type { Digest } from "../ports/digest.ts";
import type { CallbackEntry, Intake, IntakeEntry } from "../ports/intake.ts";
import type { IntakeBodies } from "../ports/intake-bodies.ts";
import type { Queries } from "../ports/queries.ts";
import type { Vault, VaultSecret } from "../ports/vault.ts";
import { DAY_MS, type Instant, instantOf, plusMs } from "../time.ts";
import { printed } from "./printed.ts";

/** Takes in what a gateway told, once its signature was verified. */
export type CallbackDoor = {
  /**
   * Keeps the fact for the State Updater, or answers a check from our own rows. Needs the database and nothing else.
   * @param delivery its whole body is kept encrypted for 90 days
   */
  take(read: CallbackRead, delivery: Delivery): Promise<CallbackVerdict>;
  /**
   * Keeps for a person what a gateway has signed and nobody can read: told so, it would call again for two days and then
   * forget it.
   */
  keepUnreadable(kind: string, field: string, delivery: Delivery): Promise<CallbackVerdict>;
};
/** What came over the wire, and what that request is called in the log. */
export type Delivery = { readonly raw: string; readonly requestId: string };

export type CallbackDoorPorts = {
  readonly gateway: string;
  readonly gatewayAccount: GatewayAccount;
  readonly intake: Pick<Intake, "accept" | "acceptCheck">;
  readonly bodies: IntakeBodies;
  readonly queries: Pick<Queries, "attempt" | "capture">;
  readonly vault: Pick<Vault, "keep">;
  readonly bus: Pick<Bus, "ring">;
  readonly digest: Digest;
  readonly clock: Clock;
  /** Wall time. */
  readonly now: () => Instant;
};

const RAW_KEPT_MS = 90 * DAY_MS;
/** What is told twice must get the same id twice, so no time goes into it. */
const NO_TIME = instantOf(0);

export const callbackDoor = (ports: CallbackDoorPorts): CallbackDoor => ({
  take: async (read, delivery) => {
    const known = await knownAttempt(ports, "reference" in read.told ? read.told.reference : null);
    if (known === "unanswered") return "try_again";
    return read.told.kind === "check"
      ? onCheck(ports, read, read.told, known, delivery)
      : onFact(ports, read, known, delivery);
  },
  keepUnreadable: async (kind, field, delivery) => {
    const eventKey = `unreadable ${kind} ${ports.digest(delivery.raw).toHex()}`;
    const entry = foreignEntry(ports, eventKey, { what: `unreadable ${kind}`, field }, null, delivery);
    const accepted = await ports.intake.accept(entry, [rawSecret(ports, entry.id, delivery)]);
    if (!accepted.ok) return "try_again";
    await ports.bus.ring(entry.id);
    return "unreadable";
  },
});

type Known = { readonly attempt: RowOf<"attempts">; readonly invoice: RowOf<"invoices"> };

/** Null: what the payment is called by is nothing of ours. */
const knownAttempt = async (
  ports: CallbackDoorPorts,
  reference: string | null,
): Promise<Known | null | "unanswered"> => {
  const attemptId = parseAttemptId(reference ?? "");
  if (!attemptId.ok) return null;
  const found = await ports.queries.attempt(attemptId.value);
  return found.ok ? found.value : "unanswered";
};

const accountOf = (known: Known | null): AccountId | null => (known?.attempt.accountId ?? null) as AccountId | null;

type ToldOf<Kind extends Told["kind"]> = Extract<Told, { readonly kind: Kind }>;

const onCheck = async (
  ports: CallbackDoorPorts,
  read: CallbackRead,
  told: ToldOf<"check">,
  known: Known | null,
  delivery: Delivery,
): Promise<CallbackVerdict> => {
  const { gatewayAccount } = ports;
  const { transactionId } = told;
  const at = await ports.clock.now(accountOf(known));
  const refusal = whyNotPay({ ...told, gatewayAccount }, known, at);
  if (refusal !== null || known === null) return refusal ?? "no_such_attempt";
  const attemptId = known.attempt.attemptId as AttemptId;
  const entry = entryOf(ports, read, { type: "payment.check", attemptId, transactionId }, known, delivery);
  const checked: CallbackEntry = { ...entry, kind: "callback", attemptId, gatewayAccount, transactionId };
  const accepted = await ports.intake.acceptCheck(checked, plusMs(checked.receivedAt, -CHECK_HOLD_MS));
  if (!accepted.ok) return "try_again";
  if (accepted.value === "another") return "not_now";
  await ports.bus.ring(entry.id);
  return "accepted";
};

const onFact = async (
  ports: CallbackDoorPorts,
  read: CallbackRead,
  known: Known | null,
  delivery: Delivery,
): Promise<CallbackVerdict> => {
  const { intake, vault, bus } = ports;
  const { told, eventKey } = read;
  // No money moved, and it concerns nothing of ours.
  if (told.kind === "other" || (told.kind === "decline" && attemptIdOf(told) === null)) {
    const kept = await vault.keep(null, rawSecret(ports, idOf(ports, eventKey), delivery));
    return kept.ok ? "accepted" : "try_again";
  }
  const card = cardOf(ports, told, known);
  const entry = await factEntry(ports, read, known, card?.name ?? null, delivery);
  if (entry === "unanswered") return "try_again";
  const secretsOf = ({ id }: IntakeEntry) => [rawSecret(ports, id, delivery), ...(card === null ? [] : [card])];
  const accepted = await intake.accept(entry, secretsOf(entry));
  if (!accepted.ok) return "try_again";
  if (accepted.value.status !== "other_body") {
    await bus.ring(entry.id);
    return "accepted";
  }
  // The same event with other values: kept beside the first, for the State Updater to hold against what it knows.
  const other = { ...entry, id: idOf(ports, `${eventKey}#${entry.fingerprint}`) };
  if (!(await intake.accept(other, secretsOf(other))).ok) return "try_again";
  await bus.ring(other.id);
  return "accepted";
};

const rawSecret = ({ now }: CallbackDoorPorts, name: CommandId, { raw }: Delivery): VaultSecret => {
  const keptAt = now();
  return { kind: "callback", name, secret: raw, keptAt, expiresAt: plusMs(keptAt, RAW_KEPT_MS) };
};

/** A token is worth keeping when the payment is the account's own. Null: there is none to keep. */
const cardOf = (
  { digest, gatewayAccount, now }: CallbackDoorPorts,
  told: Told,
  known: Known | null,
): (VaultSecret & { readonly name: CardId }) | null => {
  if (told.kind !== "payment" || told.card === null || known === null) return null;
  const { accountId } = known.attempt;
  if (told.account !== accountId || told.onlyAuthorised) return null;
  const { token, mask, expires } = told.card;
  // The same card of the same account is the same card again, whichever payment it came with.
  const name = encodeDerivedId("card", digest(`${gatewayAccount}/${accountId}/card/${token}`), NO_TIME) as CardId;
  return { kind: "card", name, secret: JSON.stringify({ token, mask, expires }), keptAt: now(), expiresAt: null };
};

const factEntry = async (
  ports: CallbackDoorPorts,
  read: CallbackRead,
  known: Known | null,
  cardId: CardId | null,
  delivery: Delivery,
): Promise<IntakeEntry | "unanswered"> => {
  const command = await commandOf(ports, read.told, known, cardId);
  if (command === "unanswered") return command;
  return command === null ? foreignFact(ports, read, known, delivery) : entryOf(ports, read, command, known, delivery);
};

/** Null: it can be about nothing of ours, so that a person has to look at it. */
const commandOf = async (
  ports: CallbackDoorPorts,
  told: Told,
  known: Known | null,
  cardId: CardId | null,
): Promise<Command | null | "unanswered"> => {
  const { gatewayAccount } = ports;
  if (told.kind === "check" || told.kind === "other") return null;
  const attempt = parseAttemptId(told.reference ?? "");
  const { transactionId } = told;
  switch (told.kind) {
    case "payment": {
      const { amount, onlyAuthorised } = told;
      if (!attempt.ok) return null;
      const accountId = payerNamed(told.account);
      return {
        type: "payment.succeed",
        attemptId: attempt.value,
        gatewayAccount,
        transactionId,
        amount,
        accountId,
        onlyAuthorised,
        cardId,
      };
    }
    case "decline":
      return attempt.ok
        ? { type: "payment.decline", attemptId: attempt.value, transactionId, decline: told.decline }
        : null;
    case "refund":
      return refundOf(ports, told, known);
  }
};

const refundOf = async (
  { gatewayAccount, queries }: CallbackDoorPorts,
  told: ToldOf<"refund">,
  known: Known | null,
): Promise<Command | null | "unanswered"> => {
  const { of: captureTransactionId, transactionId } = told;
  const capture = await queries.capture(gatewayAccount, captureTransactionId);
  if (!capture.ok) return "unanswered";
  const ours = currencyOf(capture.value?.currency ?? known?.attempt.currency);
  const currency = ours ?? told.currency;
  if (currency === null || (told.currency !== null && told.currency !== currency)) return null;
  const amount = parseMoney(told.amount, currency);
  if (!amount.ok) return null;
  return told.refundId === null
    ? { type: "refund.report", gatewayAccount, captureTransactionId, transactionId, amount: amount.value }
    : { type: "refund.succeed", refundId: told.refundId, transactionId, amount: amount.value };
};
const currencyOf = (raw: string | undefined): Currency | null => (raw !== undefined && isCurrency(raw) ? raw : null);

const idOf = ({ digest, gatewayAccount }: CallbackDoorPorts, eventKey: string): CommandId =>
  encodeDerivedId("command", digest(`${gatewayAccount}/callback/${eventKey}`), NO_TIME) as CommandId;

const transactionOf = (told: Told): TransactionId | null => ("transactionId" in told ? told.transactionId : null);

const entryOf = (
  ports: CallbackDoorPorts,
  read: CallbackRead,
  command: Command,
  known: Known | null,
  { requestId }: Delivery,
): IntakeEntry => {
  const actor: Actor = { kind: "gateway", name: ports.gateway };
  return {
    id: idOf(ports, read.eventKey),
    kind: "callback",
    ...printed(ports, { actor, command }),
    accountId: accountOf(known),
    attemptId: attemptIdOf(read.told),
    gatewayAccount: ports.gatewayAccount,
    // What waits for a refunded payment is found by that payment, not by the refund's own number.
    transactionId: read.told.kind === "refund" ? read.told.of : transactionOf(read.told),
    requestId,
    sender: null,
    receivedAt: ports.now(),
  };
};

const attemptIdOf = (told: Told): AttemptId | null => {
  const attempt = parseAttemptId(("reference" in told ? told.reference : null) ?? "");
  return attempt.ok ? attempt.value : null;
};

/** Longer than anything that we have ever named a payment by. */
const REFERENCE_LETTERS = 200;

const foreignFact = (
  ports: CallbackDoorPorts,
  { told, eventKey }: CallbackRead,
  known: Known | null,
  delivery: Delivery,
): IntakeEntry => {
  const reference = (("reference" in told ? told.reference : null) ?? "").slice(0, REFERENCE_LETTERS);
  const entry = foreignEntry(ports, eventKey, { what: told.kind, reference }, told, delivery);
  return { ...entry, accountId: accountOf(known) };
};

/** Nothing that the State Updater could carry out: it goes to the suspense list. */
const foreignEntry = (
  ports: CallbackDoorPorts,
  eventKey: string,
  facts: Readonly<Record<string, string>>,
  told: Told | null,
  { requestId }: Delivery,
): IntakeEntry => {
  const body = ports.bodies.printForeign({ gateway: ports.gateway, eventKey, ...facts });
  return {
    id: idOf(ports, eventKey),
    kind: "callback",
    fingerprint: ports.digest(body).toHex(),
    body,
    accountId: null,
    attemptId: told === null ? null : attemptIdOf(told),
    gatewayAccount: ports.gatewayAccount,
    transactionId: told === null ? null : transactionOf(told),
    requestId,
    sender: null,
    receivedAt: ports.now(),
  };
};
