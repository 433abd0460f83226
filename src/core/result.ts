/** What a function answers when it can fail: the value, or a named error with its facts. */
export type Result<T, E> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };
export const ok = <T>(value: T) => ({ ok: true, value }) as const;
export const err = <const E>(error: E) => ({ ok: false, error }) as const;

/** Our own code broke a promise. Never caught in order to carry on. */
export class Bug extends Error {
  override readonly name = "Bug";
}

export function invariant(holds: boolean, claim: string): asserts holds {
  if (!holds) throw new Bug(claim);
}

/** Ends a switch over a union: a forgotten variant does not compile, and a corrupt one does not pass in silence. */
export function unreachable(forgotten: never, where: string): never {
  throw new Bug(`${where}: ${String(Object(forgotten).type ?? forgotten)}`);
}
