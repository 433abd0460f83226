import type { Hashing, Passwords } from "../../core/ports/passwords.ts";

/** Argon2id as OWASP asks of a server: 19 MiB and two passes, one lane. Stronger figures here reach each hash at its next use. */
const MEMORY_KIB = 19_456;
const PASSES = 2;
/** What the hash itself says of how it was made. */
const PARAMETERS = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=1\$/;
const BUSY_RETRY_MS = 1000;

/**
 * Argon2id of the runtime, on threads beside the event loop.
 * @param limits.concurrency how many are hashed at once; each takes 19 MiB and a processor
 * @param limits.queue how many more may wait for their turn; beyond them it is `busy`
 */
export const argon2Passwords = (limits: { readonly concurrency: number; readonly queue: number }): Passwords => {
  const inTurn = turns(limits);
  const hashOf = (password: string): Promise<string> =>
    Bun.password.hash(password, { algorithm: "argon2id", memoryCost: MEMORY_KIB, timeCost: PASSES });
  // Of a password that nobody knows, ourselves included. Made before anybody asks, else the first one would wait for it too.
  const nobodysHash = hashOf(crypto.getRandomValues(new Uint8Array(32)).toHex());
  return {
    hash: (password) => inTurn(() => hashOf(password)),
    verify: (password, hash) =>
      inTurn(async () => {
        if (!(await Bun.password.verify(password, hash))) return "wrong";
        return isOutdated(hash) ? "outdated" : "right";
      }),
    verifyNobody: (password) =>
      inTurn(async () => {
        await Bun.password.verify(password, await nobodysHash);
        return "wrong" as const;
      }),
  };
};

const isOutdated = (hash: string): boolean => {
  const [, memory, passes] = PARAMETERS.exec(hash) ?? [];
  return Number(memory ?? 0) < MEMORY_KIB || Number(passes ?? 0) < PASSES;
};

type InTurn = <T>(work: () => Promise<T>) => Promise<Hashing<T>>;

/** First come, first served; who would wait behind too many is sent away at once. */
const turns = ({ concurrency, queue }: { readonly concurrency: number; readonly queue: number }): InTurn => {
  const waiting: (() => void)[] = [];
  let running = 0;
  const turn = (): Promise<void> => new Promise((resolve) => waiting.push(resolve));
  return async (work) => {
    if (running >= concurrency && waiting.length >= queue) {
      return { ok: false, error: { code: "busy", retryAfterMs: BUSY_RETRY_MS } };
    }
    // Whoever ends hands its place on, so that nobody who comes meanwhile slips in before those who wait.
    if (running >= concurrency) await turn();
    else running += 1;
    try {
      return { ok: true, value: await work() };
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
};
