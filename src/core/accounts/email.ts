import { err, ok, type Result } from "../result.ts";

/** The longest path that SMTP carries (RFC 5321, 4.5.3.1.3), less its brackets. */
const LONGEST = 254;
/** Unseen, or of use only to forge a header or to write a name beside the address. */
const FORBIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Z}"(),:;<>[\\\]]/u;
/** A name of at most 64 characters and a domain of at least two labels. */
const SHAPE = /^[^@]{1,64}@[^@.]{1,63}(?:\.[^@.]{1,63})+$/u;

/**
 * One spelling for each mailbox, by which an account is found: trimmed, composed (NFC), in lower case. The few mail servers
 * that tell `Anna@` from `anna@` are not served; two accounts for one person would be worse. Says nothing about whether
 * mail arrives there.
 */
export const foldEmail = (raw: string): Result<string, { readonly code: "malformed_email" }> => {
  // Before anything is done with it: what is too long is not worth the work.
  if (raw.length > 4 * LONGEST) return err({ code: "malformed_email" });
  const folded = raw.trim().normalize("NFC").toLowerCase().normalize("NFC");
  const isSane = folded.length <= LONGEST && !FORBIDDEN.test(folded) && SHAPE.test(folded);
  return isSane ? ok(folded) : err({ code: "malformed_email" });
};
