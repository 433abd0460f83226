import { dropDatabase, makeDatabase } from "./database.ts";
import { assertKept, CONNECTIONS, REGISTERED, type recordOnCopy } from "./door.ts";
import { closedLoop, type Wire } from "./load.ts";
import { API_ALONE, type Running, type Settings, settingsOf, start } from "./processes.ts";
import { sendReplay } from "./replay.ts";
import type { Side } from "./rounds.ts";
import { scaled } from "./scale.ts";

/** Clients that wait for their answers. */
export const CLIENTS = 64;
/** Requests before the first that is measured: code is compiled, connections are open, pages are in memory. */
export const WARM_UP = scaled(1280, 64, 2560);

export const onCopyOf = async <T>(url: string, run: (copy: string) => Promise<T>): Promise<T> => {
  const copy = await makeDatabase(url);
  try {
    return await run(copy);
  } finally {
    await dropDatabase(copy);
  }
};

/** The API in a process of its own on a copy of the database, asked `warmUp` before it is handed out. */
export const openApiOn = async (
  copy: string,
  warmUp: readonly Wire[],
  expected: string,
  { log = null, settings = {} }: { readonly log?: string | null; readonly settings?: Settings } = {},
): Promise<Running> => {
  const running = await start(API_ALONE, { ...settingsOf(copy, CONNECTIONS), ...settings }, { log });
  await closedLoop({ port: running.port, expected }, warmUp, CLIENTS);
  return running;
};

/** Callbacks that are told for the first time, the first of them to warm up; afterwards each accepted one is looked for. */
export const acceptingSide = (
  name: string,
  url: string,
  callbacks: readonly Wire[],
  how: { readonly log?: string | null; readonly settings?: Settings } = {},
): Side => ({
  name,
  run: () =>
    onCopyOf(url, async (copy) => {
      const running = await openApiOn(copy, callbacks.slice(0, WARM_UP), REGISTERED, how);
      const half = await closedLoop({ port: running.port, expected: REGISTERED }, callbacks.slice(WARM_UP), CLIENTS);
      await running.stop();
      await assertKept(copy, callbacks.length);
      return half;
    }),
});

/** pgbench with what the API sends for each callback, one commit each. @param callbacks after those that warm up */
export const pgbenchSide = (replayed: Recorded, callbacks: number): Side => ({
  name: `pgbench, ${CONNECTIONS} clients`,
  run: () =>
    onCopyOf(replayed.url, async (copy) => {
      const how = { clients: CONNECTIONS, requests: callbacks, warmUp: WARM_UP, role: "matinee_api" };
      const half = await sendReplay(copy, replayed.replay, how);
      await assertKept(copy, WARM_UP + callbacks);
      return half;
    }),
});
type Recorded = Awaited<ReturnType<typeof recordOnCopy>>;
