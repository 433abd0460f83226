import type { Actor } from "../actor.ts";
import type { Received } from "../billing/command.ts";
import type { Result } from "../result.ts";

/** What the intake keeps of a command beside its id, fingerprint and time: who asked, and for what. */
export type Asked = Pick<Received, "actor" | "command">;

/** How a command is written into the intake and read back: the outside format of commands, as the bus and the log have it. */
export interface IntakeBodies {
  /** `canonical`: one text for equal commands, however their callers had written them. */
  print(asked: Asked): { readonly body: string; readonly canonical: string };
  /** What does not fit is told, for a person: a row may come from another version of this program. */
  parse(body: string): Result<Asked, { readonly code: string; readonly detail: string }>;
  /** A command that this version cannot read, as its sender wrote it: another one may. */
  printUnread(by: Actor, command: Readonly<Record<string, unknown>>): string;
  /** A fact about a payment that can be none of ours, for the suspense list. */
  printForeign(facts: Readonly<Record<string, string>>): string;
}
