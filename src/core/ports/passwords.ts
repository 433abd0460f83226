/** Password hashing: slow on purpose. How many run at once is bounded. */
export interface Passwords {
  hash(password: string): Promise<Hashing<string>>;
  /** `outdated`: right, but hashed with weaker parameters than today's. */
  verify(password: string, hash: string): Promise<Hashing<"right" | "outdated" | "wrong">>;
  /** Takes as long as `verify` and is never right: for an e-mail that nobody has. */
  verifyNobody(password: string): Promise<Hashing<"wrong">>;
}
/** `busy`: too many wait already. */
export type Hashing<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: { readonly code: "busy"; readonly retryAfterMs: number } };
