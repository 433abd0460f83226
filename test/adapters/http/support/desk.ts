import type { AccountDesk, SignedIn, SignedInAs } from "../../../../src/core/accounts/accounts.ts";
import { type AccountId, encodeDerivedId, type SessionId } from "../../../../src/core/ids.ts";
import { err, ok } from "../../../../src/core/result.ts";
import { type Instant, plusMs } from "../../../../src/core/time.ts";
import { accountNamed, sha256 } from "../../../support/cinema.ts";

type Person = {
  accountId: AccountId;
  email: string;
  password: string;
  language: "ru" | "en";
  zone: string;
  at: Instant;
};

/** Accounts in memory, with tokens that are names. Passwords of fewer than 15 letters are too short. */
export const openDesk = (now: () => Instant): AccountDesk => {
  const people: Person[] = [];
  const sessions = new Map<SessionId, SignedInAs & { refresh: string }>();
  let count = 0;

  const open = (accountId: AccountId): SignedIn => {
    count += 1;
    const sessionId = encodeDerivedId("session", sha256(`session ${count}`), now()) as SessionId;
    sessions.set(sessionId, { accountId, sessionId, refresh: `refresh-${count}` });
    return {
      accountId,
      sessionId,
      accessToken: `access.${sessionId}`,
      accessExpiresAt: plusMs(now(), 900_000),
      refreshToken: `refresh-${count}`,
      refreshExpiresAt: plusMs(now(), 86_400_000),
    };
  };
  return {
    signUp: async ({ email, password, language, zone }) => {
      if (!email.includes("@")) return err({ code: "malformed_email" });
      if (password.length < 15) return err({ code: "password_too_short", atLeast: 15 });
      if (people.some((one) => one.email === email)) return err({ code: "email_taken" });
      const accountId = accountNamed(email);
      people.push({ accountId, email, password, language, zone, at: now() });
      return ok(open(accountId));
    },
    logIn: async ({ email, password }) => {
      if (email === "hasty@example.com") return err({ code: "too_many_requests", retryAfterMs: 2500 });
      const person = people.find((one) => one.email === email && one.password === password);
      return person === undefined ? err({ code: "wrong_credentials" }) : ok(open(person.accountId));
    },
    refresh: async (token) => {
      const session = [...sessions.values()].find(({ refresh }) => refresh === token);
      if (session === undefined) return err({ code: "session_over" });
      sessions.delete(session.sessionId);
      return ok(open(session.accountId));
    },
    logOut: async (sessionId) => {
      sessions.delete(sessionId);
      return ok(null);
    },
    authenticate: async (token) => {
      const session = sessions.get(token.slice("access.".length) as SessionId);
      return ok(session === undefined ? null : { accountId: session.accountId, sessionId: session.sessionId });
    },
    account: async (id) => {
      const person = people.find(({ accountId }) => accountId === id);
      if (person === undefined) return ok(null);
      const { accountId, email, language, zone, at } = person;
      return ok({ accountId, email, language, zone, createdAt: at });
    },
  };
};
