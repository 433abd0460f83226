import type { RowOf } from "../billing/read-model.ts";
import type { CommandId } from "../ids.ts";
import type { Result } from "../result.ts";
import type { Instant } from "../time.ts";
import type { Fact } from "./outbox.ts";
import type { Outcome } from "./storage.ts";

/**
 * Carries what the database holds, so that nobody has to ask it all the time. It may lose everything at any moment: what it
 * does not bring is found again by the sweeps, and who waits in vain asks the database.
 */
export interface Bus {
  /** Publishes committed facts, of one stream in their order, and answers when the bus has them. */
  publish(facts: readonly Fact[]): Promise<Result<null, BusFault>>;
  /** Says, behind all that was published before, that everything committed by `at` has been published. */
  beat(at: Instant): Promise<Result<null, BusFault>>;
  /** Hears of committed facts: each once or more often, of one stream in their order, but for repeats. */
  subscribe(handler: (fact: Fact) => Promise<void>, signs?: BusSigns): Promise<Consumption>;
  /** Says that an accepted row waits in the intake. Lost: it is taken within 2 s all the same. */
  ring(id: CommandId): Promise<Result<null, BusFault>>;
  /** Takes the rings, many at once where many wait. Of several who answer one hears of each ring. */
  answerRings(handler: (ids: readonly CommandId[]) => Promise<void>): Promise<Consumption>;
  /** Says that rows would better be looked after before they fall due. Lost: they are when they do. */
  hint(rows: readonly RowOf<"due">[]): Promise<Result<null, BusFault>>;
  /** Takes the hints. Of several who do one hears of each. */
  takeHints(handler: (rows: readonly RowOf<"due">[]) => Promise<void>): Promise<Consumption>;
  /** Tells what a command came to, to whoever waits for it. */
  tellOutcome(id: CommandId, outcome: Outcome): Promise<Result<null, BusFault>>;
  /**
   * Waits for what a command comes to. To be called before the ring, or a quick answer is missed.
   * @returns null when nothing came within `timeoutMs`: the database knows more
   */
  awaitOutcome(id: CommandId, timeoutMs: number): Promise<Outcome | null>;
}

/** What a subscriber may want to know beside the facts. */
export type BusSigns = {
  /** All that was committed by `at`, by the wall clock of who published it, has been heard. */
  readonly beat: (at: Instant) => void;
  /** Facts may have been missed: what was remembered of earlier ones is worth nothing. */
  readonly gap: () => void;
};
export type Consumption = {
  /** Takes nothing new, and waits for what is being handled. */
  stop(): Promise<void>;
};
/** It may have been published: publishing again is harmless, readers know repeats by stream and version. */
export type BusFault = { readonly code: "bus_unavailable"; readonly detail: string };
