import type { Actor } from "../actor.ts";
import { type CommandId, encodeDerivedId } from "../ids.ts";
import type { Bus } from "../ports/bus.ts";
import type { Digest } from "../ports/digest.ts";
import type { Intake, IntakeEntry } from "../ports/intake.ts";
import type { IntakeBodies } from "../ports/intake-bodies.ts";
import type { Reports } from "../ports/reports.ts";
import type {
  MalformedCommand,
  SentCommand,
  ServiceCommands,
  Services,
  ServiceTokens,
  Taken,
  WrittenCommand,
} from "../ports/services.ts";
import type { Outcome, RecordedOutcome } from "../ports/storage.ts";
import { type Instant, instantOf, SECOND_MS } from "../time.ts";
import { printed } from "./printed.ts";

/**
 * The way in for commands of other services. One that can be executed goes into the intake under an id of its own sender's;
 * what cannot goes to the suspense list with the reason. Either is in the database before the bus may forget it, and whoever
 * asked is told in the end.
 */
export type CommandDoor = {
  take(sent: SentCommand): Promise<Taken>;
  /** Puts aside what our own code broke on, so that it stops no other. */
  putAside(sent: SentCommand, reason: string): Promise<Taken>;
};

export type CommandDoorPorts = {
  readonly intake: Pick<Intake, "accept" | "suspend">;
  readonly services: Pick<Services, "tell">;
  readonly bus: Pick<Bus, "ring">;
  readonly tokens: Pick<ServiceTokens, "read">;
  readonly commands: ServiceCommands;
  readonly bodies: IntakeBodies;
  readonly digest: Digest;
  readonly reports: Reports;
  /** Wall time. */
  readonly now: () => Instant;
};

/** What is sent twice must get the same id twice, so no time goes into it. */
const NO_TIME = instantOf(0);
const SOON_MS = SECOND_MS;

export const commandDoor = (ports: CommandDoorPorts): CommandDoor => ({
  take: async (sent) => {
    const written = ports.commands.parse(sent.type, sent.payload);
    const commandId = written.ok ? written.value.id : written.error.id;
    const shown = sent.token === null ? null : await ports.tokens.read(sent.token, sent.sentAt);
    if (shown === null) return reject(ports, sent, { service: null, commandId }, "unauthenticated", null);
    const { service } = shown;
    // An answer is published with our rights: it must go nowhere that its reader could not have been sent to by itself.
    if (sent.replyTo !== null && !mayHear(service, sent.replyTo))
      return reject(ports, { ...sent, replyTo: null }, { service, commandId }, "reply_to_not_allowed", null);
    if (!written.ok) return reject(ports, sent, { service, commandId }, "malformed", written.error);
    return accept(ports, sent, service, written.value);
  },
  putAside: async (sent, reason) => {
    const entry = foreignEntry(ports, sent, reason);
    return keepAside(ports, entry, reason);
  },
});

const accept = async (
  ports: CommandDoorPorts,
  sent: SentCommand,
  service: string,
  { id: commandId, command }: WrittenCommand,
): Promise<Taken> => {
  const { intake, bus, digest, now } = ports;
  const actor: Actor = { kind: "service", name: service };
  // Scoped: two services may call their commands the same.
  const id = idOf(digest, ["service", service, commandId]);
  const accepted = await intake.accept({
    ...COMMAND,
    id,
    ...printed(ports, { actor, command }),
    sender: { service, commandId, replyTo: sent.replyTo },
    receivedAt: now(),
  });
  if (!accepted.ok) return later(accepted.error.code);
  switch (accepted.value.status) {
    case "accepted":
      await bus.ring(id);
      return TAKEN;
    case "other_body":
      // The id is the first one's: what this one came to is told under a name of its own.
      return answer(ports, sent, { ...named(digest, sent), service, commandId }, refusal("command_id_reused"));
    case "repeated":
      // Each delivery is answered, however often it comes.
      return accepted.value.recorded === null
        ? later("it is being executed")
        : answer(ports, sent, { id, service, commandId }, accepted.value.recorded);
  }
};

/** Refused before it could be executed: kept for a person to see, and told to whom it says it came from. */
const reject = async (
  ports: CommandDoorPorts,
  sent: SentCommand,
  { service, commandId }: { readonly service: string | null; readonly commandId: string | null },
  code: "unauthenticated" | "reply_to_not_allowed" | "malformed",
  malformed: MalformedCommand | null,
): Promise<Taken> => {
  const reason = malformed === null ? code : `${code}: ${malformed.detail}`;
  const entry = malformed === null ? foreignEntry(ports, sent, reason) : unreadEntry(ports, sent, service, malformed);
  const kept = await keepAside(ports, entry, reason);
  if (kept.status === "later") return kept;
  const facts = malformed === null ? {} : { detail: malformed.detail };
  // Who has not shown who it is may name any place to answer to: it is answered at none but an inbox of its own.
  const replyTo = sent.replyTo !== null && mayHear(service ?? "", sent.replyTo) ? sent.replyTo : null;
  const who = { id: entry.id, service, commandId };
  return answer(ports, { ...sent, replyTo }, who, refusal(code, facts));
};

const keepAside = async (ports: CommandDoorPorts, entry: IntakeEntry, reason: string): Promise<Taken> => {
  const { intake, now, reports } = ports;
  const accepted = await intake.accept(entry);
  if (!accepted.ok) return later(accepted.error.code);
  // A crash before this leaves a row that nobody can execute: the State Updater puts it aside with a reason of its own.
  const suspended = await intake.suspend(entry.id, now(), reason);
  if (!suspended.ok) return later(suspended.error.code);
  if (accepted.value.status === "accepted")
    reports({ level: "alarm", what: "command_put_aside", facts: { id: entry.id, reason } });
  return TAKEN;
};

const answer = async (
  { services, now }: CommandDoorPorts,
  { type, replyTo }: SentCommand,
  who: { readonly id: CommandId; readonly service: string | null; readonly commandId: string | null },
  came: RecordedOutcome | Outcome,
): Promise<Taken> => {
  const [outcome, at] = "recordedAt" in came ? [came.outcome, came.recordedAt] : [came, now()];
  const told = await services.tell([{ ...who, command: type, replyTo, outcome, at }]);
  return told.ok ? TAKEN : later(told.error.code);
};

/** A command that this version cannot read; another one may, when a person has it replayed. */
const unreadEntry = (
  ports: CommandDoorPorts,
  sent: SentCommand,
  service: string | null,
  { id, command }: MalformedCommand,
): IntakeEntry => {
  const { bodies, now } = ports;
  if (service === null || id === null || command === null) return foreignEntry(ports, sent, "malformed");
  const body = bodies.printUnread({ kind: "service", name: service }, command);
  const sender = { service, commandId: id, replyTo: sent.replyTo };
  return { ...COMMAND, ...named(ports.digest, sent), body, sender, receivedAt: now() };
};

/** Nothing that any version could execute. What it says of itself is kept for a person; its token is not. */
const foreignEntry = (ports: CommandDoorPorts, sent: SentCommand, reason: string): IntakeEntry => {
  const { type, payload } = sent;
  const facts = { bus: type, reason, payload: new TextDecoder().decode(payload.slice(0, KEPT_BYTES)) };
  const body = ports.bodies.printForeign(facts);
  return { ...COMMAND, ...named(ports.digest, sent), body, sender: null, receivedAt: ports.now() };
};
const KEPT_BYTES = 4096;

/** By what was sent and when: the same message delivered again is the same row, and another one is another. */
const named = (digest: Digest, { type, payload, sentAt }: SentCommand): Pick<IntakeEntry, "id" | "fingerprint"> => {
  const name = ["bus", type, `${sentAt}`, digest(payload.toBase64()).toHex()];
  return { id: idOf(digest, name), fingerprint: digest(JSON.stringify(name)).toHex() };
};

const idOf = (digest: Digest, name: readonly string[]): CommandId =>
  encodeDerivedId("command", digest(JSON.stringify(name)), NO_TIME) as CommandId;

const mayHear = (service: string, replyTo: string): boolean =>
  /^[\w.-]{1,200}$/.test(replyTo) &&
  (replyTo.startsWith("_INBOX.") || (service !== "" && replyTo.startsWith(`billing.replies.${service}.`)));

const COMMAND = {
  kind: "command",
  accountId: null,
  attemptId: null,
  gatewayAccount: null,
  transactionId: null,
  requestId: null,
} as const;
const TAKEN: Taken = { status: "taken" };
const later = (because: string): Taken => ({ status: "later", afterMs: SOON_MS, because });
const refusal = (code: string, facts: Readonly<Record<string, string>> = {}): Outcome => ({
  ok: false,
  refusal: { code, facts },
});
