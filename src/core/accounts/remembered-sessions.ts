import type { SessionId } from "../ids.ts";
import type { Accounts, StoredSession } from "../ports/accounts.ts";
import { ok } from "../result.ts";
import { type Instant, SECOND_MS } from "../time.ts";

/** A session that was ended elsewhere is over here within this. Source: failures, F51. */
const REMEMBERED_MS = 5 * SECOND_MS;

/**
 * Sessions as this process read them a moment ago: whoever watches is asked after each few seconds, and is the same person
 * as before. What is ended through this process is over at once.
 * @param most sessions; beyond them the one that was read first is forgotten
 */
export const rememberedSessions = (accounts: Accounts, most = 50_000): Accounts => {
  const known = new Map<SessionId, { readonly session: StoredSession; readonly readAt: Instant }>();
  /** Counts what may have ended a session: what was read before that is not kept after it. */
  let changes = 0;
  const forget = (id: SessionId): void => {
    known.delete(id);
    changes += 1;
  };
  const keep = (session: StoredSession, readAt: Instant): void => {
    const [oldest] = known.keys();
    if (known.size >= most && oldest !== undefined) known.delete(oldest);
    known.delete(session.sessionId);
    known.set(session.sessionId, { session, readAt });
  };
  return {
    ...accounts,
    session: async (id, at) => {
      const found = known.get(id);
      if (found !== undefined && isFresh(found.session, found.readAt, at)) return ok(found.session);
      const before = changes;
      const read = await accounts.session(id, at);
      if (read.ok && read.value !== null && changes === before) keep(read.value, at);
      return read;
    },
    rotate: async (token) => {
      const rotated = await accounts.rotate(token);
      // Whose session a copied token has ended is not told: none is remembered any longer.
      if (!rotated.ok || rotated.value.status !== "rotated") known.clear();
      changes += 1;
      return rotated;
    },
    endSession: async (id, at) => {
      forget(id);
      const ended = await accounts.endSession(id, at);
      forget(id);
      return ended;
    },
  };
};

/** Not from the future either: a clock that was set back would keep it for ever. */
const isFresh = ({ idleUntil, endsAt }: StoredSession, readAt: Instant, at: Instant): boolean =>
  at >= readAt && at - readAt < REMEMBERED_MS && at < idleUntil && at < endsAt;
