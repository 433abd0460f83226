import type { Actor } from "../actor.ts";
import type { Executed } from "../billing/billing.ts";
import type { Command } from "../billing/command.ts";
import type { RowOf } from "../billing/read-model.ts";
import { type CommandId, encodeDerivedId } from "../ids.ts";
import type { PaymentFault, Payments } from "../ports/payments.ts";
import { HOUR_MS, MINUTE_MS, SECOND_MS } from "../time.ts";
import type { WorkDone, WorkPorts } from "./work.ts";

const SYSTEM: Actor = { kind: "system" };
/** The database or the gateway is away: soon again. */
const SOON_MS = 5 * SECOND_MS;
/** What we asked for is refused for now. */
const REFUSED_MS = MINUTE_MS;
const UNANSWERED_MS = 30 * SECOND_MS;

/**
 * One run of a task, and the commands that it gives. Their ids derive from the run: the same command of another run is
 * another command, for a refused sweep is asked again.
 */
export type Run = {
  bySystem(command: Command): Promise<Executed>;
  byGateway(payments: Payments, command: Command): Promise<Executed>;
};

export const openRun = ({ billing, digest, now, newRun }: WorkPorts, row: RowOf<"due">): Run => {
  const run = newRun();
  const receivedAt = now();
  let count = 0;
  const give = (actor: Actor, command: Command): Promise<Executed> => {
    count += 1;
    const name = digest(JSON.stringify([row.kind, row.subject, run, count]));
    const id = encodeDerivedId("command", name, receivedAt) as CommandId;
    return billing.execute({ id, fingerprint: name.toHex(), actor, receivedAt, command });
  };
  return {
    bySystem: (command) => give(SYSTEM, command),
    byGateway: ({ gatewayAccount }, command) => give({ kind: "gateway", name: gatewayAccount }, command),
  };
};

/** What a command came to, as the task's own end. A refusal of something that nobody wants any more ends it too. */
export const ended = (executed: Executed, over: readonly string[]): WorkDone => {
  if (executed.status === "failed") return later(SOON_MS, executed.fault.code);
  if (executed.outcome.ok || over.includes(executed.outcome.refusal.code)) return { status: "done" };
  return later(REFUSED_MS, executed.outcome.refusal.code);
};

/** We have no account at that gateway any more: a person must see to it. */
export const noContract = (gatewayAccount: string): WorkDone => later(HOUR_MS, `no contract with ${gatewayAccount}`);
/** A look-up that the gateway did not answer. */
export const unanswered = (fault: PaymentFault): WorkDone =>
  later(fault.code === "gateway_unavailable" ? fault.retryAfterMs : UNANSWERED_MS, fault.code);

export const later = (afterMs: number, because: string): WorkDone => ({ status: "later", afterMs, because });
export const soon = (because: string): WorkDone => later(SOON_MS, because);
