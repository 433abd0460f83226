import { setSystemTime } from "bun:test";
import { jwtTokens } from "../../../src/adapters/crypto/tokens.ts";
import { inProcessLimits } from "../../../src/adapters/limits/in-process.ts";
import { memoryAccounts } from "../../../src/adapters/memory/accounts.ts";
import type { SignedIn } from "../../../src/core/accounts/accounts.ts";
import { accountDesk } from "../../../src/core/accounts/desk.ts";
import { SIGN_UP_LIMITS } from "../../../src/core/accounts/limits.ts";
import type { Accounts } from "../../../src/core/ports/accounts.ts";
import type { Passwords } from "../../../src/core/ports/passwords.ts";
import type { Result } from "../../../src/core/result.ts";
import { instantOf, plusMs } from "../../../src/core/time.ts";
import { instant } from "../../support/cinema.ts";

/** When the stories of this room begin. */
export const NOON = instant("2026-03-02T12:00:00Z");
export const PASSWORD = "correct horse battery staple";
const BUSY = { ok: false, error: { code: "busy", retryAfterMs: 1000 } } as const;

/** Hashes at once, notes each call, and knows two strengths: today's `$2$` and an older `$1$`. */
const quickPasswords = () => {
  const calls: string[] = [];
  const state = { busy: false, calls };
  const note = (call: string): void => void calls.push(call);
  const passwords: Passwords = {
    hash: async (password) => {
      note("hash");
      return state.busy ? BUSY : { ok: true, value: `$2$${password}` };
    },
    verify: async (password, hash) => {
      note("verify");
      if (state.busy) return BUSY;
      if (hash.slice(3) !== password) return { ok: true, value: "wrong" };
      return { ok: true, value: hash.startsWith("$2$") ? "right" : "outdated" };
    },
    verifyNobody: async () => {
      note("verifyNobody");
      return state.busy ? BUSY : { ok: true, value: "wrong" };
    },
  };
  return { passwords, state };
};

/**
 * The desk over real tokens and limits, with storage in memory, at a time that the test moves. Whoever opens it calls
 * `setSystemTime()` when he has done.
 */
export const openDoor = async ({ real = null }: { readonly real?: Passwords | null } = {}) => {
  setSystemTime(new Date(NOON));
  const { passwords, state } = quickPasswords();
  const stored = memoryAccounts();
  const faults: Partial<Accounts> = {};
  const tokens = await jwtTokens({ masterKey: new Uint8Array(32).fill(7), issuer: () => "http://localhost" });
  const wall = () => instantOf(Date.now());
  const accounts: Accounts = new Proxy(stored, { get: (all, name: keyof Accounts) => faults[name] ?? all[name] });
  const desk = accountDesk({
    accounts,
    passwords: real ?? passwords,
    tokens,
    limits: inProcessLimits(),
    signUpLimits: SIGN_UP_LIMITS,
    wall,
  });
  let callers = 0;
  /** A caller from a network of his own, so that limits of addresses stay out of the way. */
  const newAddress = (): string => `10.${callers >> 16}.${(callers >> 8) & 255}.${callers++ & 255}`;
  return {
    desk,
    tokens,
    stored,
    /** What storage answers instead of itself. */
    faults,
    hashing: state,
    newAddress,
    signUp: (over: Partial<Parameters<typeof desk.signUp>[0]> = {}) =>
      desk.signUp({
        email: "anna@example.com",
        password: PASSWORD,
        language: "ru",
        zone: "Europe/Moscow",
        address: newAddress(),
        ...over,
      }),
    logIn: (over: Partial<Parameters<typeof desk.logIn>[0]> = {}) =>
      desk.logIn({ email: "anna@example.com", password: PASSWORD, address: newAddress(), ...over }),
    sleep: (ms: number): void => void setSystemTime(new Date(plusMs(wall(), ms))),
  };
};
export type Door = Awaited<ReturnType<typeof openDoor>>;

/** The code of a refusal, or "fine". */
export const codeOf = (answer: Result<SignedIn, { readonly code: string }>): string =>
  answer.ok ? "fine" : answer.error.code;
