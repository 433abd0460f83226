import type { Actor } from "../actor.ts";
import type { Command } from "../billing/command.ts";
import { type AccountId, type CommandId, encodeDerivedId } from "../ids.ts";
import type { Bus } from "../ports/bus.ts";
import type { Digest } from "../ports/digest.ts";
import type { Intake } from "../ports/intake.ts";
import type { IntakeBodies } from "../ports/intake-bodies.ts";
import type { Outcome, Storage, StorageFault } from "../ports/storage.ts";
import { ok, type Result } from "../result.ts";
import { type Instant, instantOf, SECOND_MS } from "../time.ts";
import { printed } from "./printed.ts";

/** How a caller's command gets to the State Updater, and how its outcome comes back. */
export type Requests = {
  /** Accepts a command into the intake and waits a little for its outcome. */
  ask(request: Request): Promise<Requested>;
  /** What became of a command; null: there is none, or it is somebody else's. */
  status(id: CommandId, accountId: AccountId): Promise<Result<CommandStatus | null, StorageFault>>;
};

export type Request = {
  readonly actor: Actor;
  readonly command: Command;
  /** Whose it is: who may ask for its status, and in whose name `key` is looked up. Null: of the staff. */
  readonly accountId: AccountId | null;
  /** As in "POST /invoices/{id}/pay": the same key for another operation is another key. */
  readonly operation: string;
  /** `Idempotency-Key` of the caller; null: this request stands for itself. */
  readonly key: string | null;
  /** What this request is called in the log. Of those who bring the same command the first one's stays. */
  readonly requestId: string;
};
export type Requested =
  | { readonly status: "done"; readonly id: CommandId; readonly outcome: Outcome }
  /** Accepted and durable; the outcome is to be asked for. */
  | { readonly status: "running"; readonly id: CommandId }
  /** The key was used before for another body. */
  | { readonly status: "key_reused"; readonly id: CommandId }
  /** Not known to be accepted. Safe to ask again with the same key. */
  | { readonly status: "failed"; readonly fault: StorageFault };
export type CommandStatus = { readonly status: "done"; readonly outcome: Outcome } | { readonly status: "running" };

export type RequestPorts = {
  readonly intake: Pick<Intake, "accept" | "entry">;
  readonly storage: Pick<Storage, "outcome">;
  readonly bus: Pick<Bus, "ring" | "awaitOutcome">;
  readonly bodies: IntakeBodies;
  readonly digest: Digest;
  /** Wall time. */
  readonly now: () => Instant;
  /** Equals nothing that was made before. */
  readonly newKey: () => string;
  /** How long a caller is kept waiting for the outcome. */
  readonly patienceMs: number;
};

/** How long the bus is waited for before the database is asked. */
const LOOK_MS = SECOND_MS;
const lookMsOf = ({ patienceMs }: RequestPorts): number => Math.min(LOOK_MS, patienceMs);
/** A request that is told twice must get the same id twice, so no time goes into it. */
const NO_TIME = instantOf(0);

export const requests = (ports: RequestPorts): Requests => ({
  ask: async (request) => {
    const { intake, bus, now } = ports;
    const { actor, command, accountId, requestId } = request;
    const id = idOf(ports, request);
    // Before anybody can execute it: a quick answer would be missed.
    const told = bus.awaitOutcome(id, lookMsOf(ports));
    const accepted = await intake.accept({
      id,
      kind: "command",
      ...printed(ports, { actor, command }),
      accountId,
      attemptId: null,
      gatewayAccount: null,
      transactionId: null,
      requestId,
      sender: null,
      receivedAt: now(),
    });
    if (!accepted.ok) return { status: "failed", fault: accepted.error };
    if (accepted.value.status === "other_body") return { status: "key_reused", id };
    if (accepted.value.status === "repeated" && accepted.value.recorded !== null)
      return { status: "done", id, outcome: accepted.value.recorded.outcome };
    await bus.ring(id);
    const outcome = await outcomeOf(ports, id, told);
    return outcome === null ? { status: "running", id } : { status: "done", id, outcome };
  },
  status: async (id, accountId) => {
    const entry = await ports.intake.entry(id);
    if (!entry.ok) return entry;
    if (entry.value === null || entry.value.kind !== "command" || entry.value.accountId !== accountId) return ok(null);
    const recorded = await ports.storage.outcome(id);
    if (!recorded.ok) return recorded;
    if (recorded.value === null) return ok({ status: "running" });
    return ok({ status: "done", outcome: recorded.value.outcome });
  },
});

/** The bus may be away, or lose the answer; the database does not. Null: nothing in all the time that a caller is kept. */
const outcomeOf = async (
  ports: RequestPorts,
  id: CommandId,
  first: Promise<Outcome | null>,
): Promise<Outcome | null> => {
  const { bus, storage, patienceMs } = ports;
  const lookMs = lookMsOf(ports);
  let told = await first;
  for (let waitedMs = lookMs; told === null; waitedMs += lookMs) {
    const recorded = await storage.outcome(id);
    if (recorded.ok && recorded.value !== null) return recorded.value.outcome;
    if (waitedMs >= patienceMs) return null;
    told = await bus.awaitOutcome(id, lookMs);
  }
  return told;
};

/** Scoped: the same key of another account, or for another operation, is another command. */
const idOf = ({ digest, newKey }: RequestPorts, { actor, accountId, operation, key }: Request): CommandId => {
  const asker = accountId ?? (actor.kind === "staff" ? `staff ${actor.name}` : actor.kind);
  const scope = JSON.stringify([asker, operation, key === null ? `own ${newKey()}` : `given ${key}`]);
  return encodeDerivedId("command", digest(scope), NO_TIME) as CommandId;
};
