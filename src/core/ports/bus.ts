import type { Received } from "../billing/command.ts";
import type { CommandId } from "../ids.ts";
import type { Result } from "../result.ts";
import type { OutboxMessage } from "./outbox.ts";
import type { Outcome } from "./storage.ts";

/** Carries what Postgres holds. It may lose everything at any moment: what it does not bring is found again by the sweeps. */
export interface Bus {
  /** Publishes committed facts, one in flight for each stream, and answers when the bus has them durably. */
  publish(messages: readonly OutboxMessage[]): Promise<Result<null, BusFault>>;
  /** Tells the State Updater that an accepted row waits in the intake. Lost: it is taken within 2 s all the same. */
  ring(id: CommandId): Promise<Result<null, BusFault>>;
  /** Commands of other services. Acknowledged after the handler has answered; without an answer they come again. */
  consume(handler: (received: Received) => Promise<Handled>): Promise<Consumption>;
}

export type Handled =
  | { readonly status: "done"; readonly outcome: Outcome }
  | { readonly status: "later"; readonly afterMs: number }
  /** For the dead letters, with a reason that a person understands. */
  | { readonly status: "hopeless"; readonly reason: string };
export type Consumption = { stop(): Promise<void> };
/** It may have been published: publishing again is harmless, readers know repeats by stream and version. */
export type BusFault = { readonly code: "bus_unavailable"; readonly detail: string };
