import type { Command } from "../billing/command.ts";
import type { Digest } from "../ports/digest.ts";
import type { IntakeBodies } from "../ports/intake-bodies.ts";

/** Tells whether two requests under one id ask for the same. */
export const fingerprintOf = (
  { digest, bodies }: { readonly digest: Digest; readonly bodies: IntakeBodies },
  command: Command,
): string => digest(bodies.canonical(command)).toHex();
