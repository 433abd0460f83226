import type { Command } from "../billing/command.ts";
import type { CommandId } from "../ids.ts";
import type { Result } from "../result.ts";
import type { Instant } from "../time.ts";
import type { BusFault, Consumption } from "./bus.ts";
import type { Queries } from "./queries.ts";
import type { Outcome } from "./storage.ts";

/** What other services ask of us over the bus, and what they are told. Where everything is embedded there is none. */
export interface Services {
  /**
   * Hands over each command once or more often; one that comes to `later` is handed over again, after ever longer.
   * @param onBroken gets a command on which the handler has thrown several times: it is to be put aside, and stops no other
   */
  takeCommands(
    handler: (sent: SentCommand) => Promise<Taken>,
    onBroken: (sent: SentCommand, reason: string) => Promise<Taken>,
  ): Promise<Consumption>;
  /** Tells each outcome to whom its sender named, and everybody as an event; answers when the bus has them all. */
  tell(outcomes: readonly ServiceOutcome[]): Promise<Result<null, BusFault>>;
  /** Answers what services ask, from what was committed last. Of several who answer one is asked. */
  answerQueries(queries: ServiceQueries): Promise<Consumption>;
}

/** A command as it came in. Nothing of it is believed but the name of its subject and the bus's own clock. */
export type SentCommand = {
  /** From the subject, as in "invoice.issue". */
  readonly type: string;
  readonly payload: Uint8Array;
  /** What the sender proves itself with; null: nothing. */
  readonly token: string | null;
  /** Where it wants to hear the outcome; null: nowhere. */
  readonly replyTo: string | null;
  /** When the bus took it: a token must have been good then, however long the command waited. */
  readonly sentAt: Instant;
};
export type Taken =
  /** It is in the database, or will never be: the bus may forget it. */
  { readonly status: "taken" } | { readonly status: "later"; readonly afterMs: number; readonly because: string };

/** A service that asked for a command: what it calls itself, its own id for the command, and where it wants to hear. */
export type Sender = { readonly service: string; readonly commandId: string; readonly replyTo: string | null };

/** What a service's command came to. */
export type ServiceOutcome = {
  /** Ours. The same outcome told again bears the same. */
  readonly id: CommandId;
  /** Null: nobody whom we know. */
  readonly service: string | null;
  /** The sender's own; null: it gave none that can be read. */
  readonly commandId: string | null;
  /** As in "invoice.issue". */
  readonly command: string;
  readonly replyTo: string | null;
  readonly outcome: Outcome;
  readonly at: Instant;
};

export type ServiceQueries = Pick<Queries, "access" | "customer" | "invoice" | "plans" | "subscription"> & {
  /** Billing time. */
  readonly now: () => Promise<Instant>;
};

/** How a command is written on the bus. */
export type ServiceCommands = {
  /**
   * @param type as in "invoice.issue", from the subject
   * @returns the sender's id for it and the command; what does not fit is told for a person, with the id where it can be read
   */
  parse(type: string, payload: Uint8Array): Result<WrittenCommand, MalformedCommand>;
};
export type WrittenCommand = { readonly id: string; readonly command: Command };
export type MalformedCommand = {
  readonly code: "malformed";
  readonly id: string | null;
  /** The command as it was written, for a version that can read it; null: it is none at all. */
  readonly command: Readonly<Record<string, unknown>> | null;
  readonly detail: string;
};

/** Who a service is: signed words of ours that it shows with each command. */
export interface ServiceTokens {
  /** @param service its name, as the log and the events will have it */
  sign(service: string, issuedAt: Instant, expiresAt: Instant): Promise<string>;
  /** Null: not ours, bent, of another kind, without an end, or over at `at`. */
  read(token: string, at: Instant): Promise<{ readonly service: string } | null>;
}
