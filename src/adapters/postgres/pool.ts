import { ConnectionLost } from "./driver.ts";

/** What a pool knows of a connection: whether it may be used again, and how it is let go. */
type Pooled = { readonly isLost: () => boolean; readonly end: () => Promise<void> };
export type Pool<C extends Pooled> = {
  /**
   * Lends a connection, and tells how long the caller has waited for it. `alone`: to this caller only, until `run` has ended;
   * else others may send on it as well.
   */
  use<T>(alone: boolean, run: (connection: C, waitedMs: number) => Promise<T>): Promise<T>;
  /** Lends no more, and waits a little for what is under way. */
  close(): Promise<void>;
};
type PoolOptions<C> = {
  readonly open: () => C;
  readonly max: number;
  /** Callers on one connection at the same time, of those who need it not alone. */
  readonly sharers: number;
  /** For how long a caller waits for a connection while all are taken. */
  readonly waitMs: number;
};
type Place<C> = { readonly connection: C; users: number; alone: boolean; idleSince: number };
type Waiting<C> = { readonly alone: boolean; readonly got: (place: Place<C>) => void };

/** An idle connection is let go after this time, so that a quiet process holds no memory of the server. */
const IDLE_MS = 60_000;
const CLOSE_MS = 5000;

/**
 * At most `max` connections. One that was lost is never used again: its place is taken by a new one when somebody asks, so
 * the pool is whole again as soon as the server is. First come, first served.
 */
export const pool = <C extends Pooled>({ open, max, sharers, waitMs }: PoolOptions<C>): Pool<C> => {
  let places: Place<C>[] = [];
  const waiting: Waiting<C>[] = [];
  let closed = false;
  let onEmpty: () => void = () => undefined;

  const find = (alone: boolean): Place<C> | null => {
    if (places.some(({ connection }) => connection.isLost()))
      places = places.filter(({ connection }) => !connection.isLost());
    const free = places.find(({ users }) => users === 0);
    if (free !== undefined) return free;
    if (places.length < max) {
      const place = { connection: open(), users: 0, alone: false, idleSince: 0 };
      places.push(place);
      return place;
    }
    if (alone) return null;
    const shared = places.filter((place) => !place.alone && place.users < sharers);
    return shared.reduce<Place<C> | null>(
      (least, one) => (least === null || one.users < least.users ? one : least),
      null,
    );
  };
  const lend = (place: Place<C>, alone: boolean): Place<C> => {
    place.users += 1;
    place.alone = alone;
    return place;
  };
  const take = (alone: boolean): Place<C> | Promise<Place<C>> => {
    if (closed) throw new ConnectionLost(false, "the pool is closed");
    const place = waiting.length === 0 ? find(alone) : null;
    return place === null ? wait(alone) : lend(place, alone);
  };
  const wait = (alone: boolean): Promise<Place<C>> =>
    new Promise((resolve, reject) => {
      const one: Waiting<C> = {
        alone,
        got: (place) => {
          clearTimeout(timer);
          resolve(place);
        },
      };
      const timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(one), 1);
        reject(new ConnectionLost(false, `no connection came free in ${waitMs} ms`));
      }, waitMs);
      waiting.push(one);
    });
  const giveBack = (place: Place<C>): void => {
    place.users -= 1;
    place.alone = false;
    place.idleSince = performance.now();
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      const found = find(next.alone);
      if (found === null) break;
      waiting.shift();
      next.got(lend(found, next.alone));
    }
    if (places.every(({ users }) => users === 0)) onEmpty();
  };

  const sweep = setInterval(() => {
    const since = performance.now() - IDLE_MS;
    const isStale = ({ users, idleSince }: Place<C>): boolean => users === 0 && idleSince < since;
    const stale = places.filter(isStale);
    places = places.filter((place) => !stale.includes(place));
    for (const { connection } of stale) void connection.end();
  }, IDLE_MS / 2);
  sweep.unref();

  return {
    use: async (alone, run) => {
      const askedAt = performance.now();
      const place = await take(alone);
      try {
        return await run(place.connection, performance.now() - askedAt);
      } finally {
        giveBack(place);
      }
    },
    close: async () => {
      closed = true;
      clearInterval(sweep);
      if (places.some(({ users }) => users > 0)) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, CLOSE_MS);
          onEmpty = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      await Promise.all(places.map(({ connection }) => connection.end()));
    },
  };
};
