import type { Digest } from "../ports/digest.ts";
import type { IntakeEntry } from "../ports/intake.ts";
import type { Asked, IntakeBodies } from "../ports/intake-bodies.ts";

/** A command as the intake keeps it. The fingerprint tells whether two requests under one id ask for the same. */
export const printed = (
  { digest, bodies }: { readonly digest: Digest; readonly bodies: IntakeBodies },
  asked: Asked,
): Pick<IntakeEntry, "body" | "fingerprint"> => {
  const { body, canonical } = bodies.print(asked);
  return { body, fingerprint: digest(canonical).toHex() };
};
