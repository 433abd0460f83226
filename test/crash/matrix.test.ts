import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { hasPostgres } from "../support/services.ts";
import { blowsAt, SOMETIMES, STATIONS, stationName, UNREACHED, WHY_NOT } from "./matrix/cases.ts";
import { POINTS } from "./matrix/effect-points.ts";
import { type Database, NO_BLOW, type Played } from "./matrix/player.ts";

// Every named point in every mode that makes sense for it, on both databases. After each blow the story ends as it does without
// one, with nothing done by hand, and both ledgers are equal. Processes of their own play the cases, one for each core of a small
// machine; what is tested here waits for what they tell.

const PLAYERS = 2;
/** For all cases, on a machine that is busy. */
const LONGEST_MS = 600_000;

const told: Played[] = [];
const errors: string[] = [];
let running: readonly Bun.Subprocess[] = [];
let over: Promise<unknown> = Promise.resolve();
let more = Promise.withResolvers<void>();
beforeAll(() => {
  const begun = performance.now();
  const players = Array.from({ length: PLAYERS }, (_, share) =>
    Bun.spawn([process.execPath, `${import.meta.dir}/matrix/player.ts`, String(share), String(PLAYERS)], {
      stdout: "pipe",
      stderr: "pipe",
    }),
  );
  running = players;
  over = Promise.all(
    players.map(async ({ stdout, stderr }) => {
      const complaint = new Response(stderr).text();
      await listen(stdout);
      errors.push(await complaint);
    }),
  ).then(() => {
    process.stdout.write(`${told.length} cases in ${Math.round((performance.now() - begun) / 1000)} s\n`);
    more.resolve();
  });
});
afterAll(async () => {
  for (const player of running) player.kill();
  await over;
}, LONGEST_MS);

const listen = async (stdout: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> => {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stdout) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    told.push(...lines.map((line) => JSON.parse(line) as Played));
    more.resolve();
    more = Promise.withResolvers();
  }
};

/** What has been told of a station, once all of it has. */
const all = async (database: Database, station: string, cases: number): Promise<readonly Played[]> => {
  for (;;) {
    const found = told.filter((one) => one.database === database && one.station === station);
    if (found.length >= cases) return found;
    if (errors.length === running.length) throw new Error(`not played to the end: ${errors.join("\n")}`);
    await more.promise;
  }
};

const matrix = (database: Database): void => {
  test(
    "stories without a blow reach exactly the points that are struck",
    async () => {
      const stories = await all(database, NO_BLOW, 2);
      expect(stories.map(({ wrong }) => wrong)).toEqual([null, null]);
      const known = STATIONS.map(stationName);
      for (const { mode: story, reached } of stories) {
        const effects = reached.filter((one) => POINTS.get(one.split(" ")[0] ?? "") !== "read");
        expect(effects.filter((one) => !known.includes(one) && !SOMETIMES.includes(one))).toEqual([]);
        const here = STATIONS.filter((one) => (one.story === "silent") === (story === "silent")).map(stationName);
        expect(here.filter((one) => !reached.includes(one))).toEqual([]);
      }
    },
    LONGEST_MS,
  );
  for (const station of STATIONS) {
    const blows = blowsAt(station);
    test(
      `${stationName(station)}: ${blows.map(({ mode }) => mode).join(", ")}`,
      async () => {
        const played = await all(database, stationName(station), blows.length);
        const wrong = played.filter((one) => one.wrong !== null).map(({ mode, wrong }) => `${mode}: ${wrong}`);
        expect(wrong).toEqual([]);
      },
      LONGEST_MS,
    );
  }
};

describe("Crash matrix: PGlite", () => matrix("PGlite"));
describe.skipIf(!hasPostgres)("Crash matrix: PostgreSQL", () => matrix("PostgreSQL"));

test("every point is struck, or there is a reason why it is not", () => {
  const struck = new Set(STATIONS.map(({ point }) => point));
  expect([...POINTS.keys()].filter((point) => !struck.has(point) && !Object.hasOwn(UNREACHED, point))).toEqual([]);
  expect(Object.keys(UNREACHED).filter((point) => struck.has(point) || !POINTS.has(point))).toEqual([]);
  expect(Object.keys(WHY_NOT).filter((point) => !struck.has(point))).toEqual([]);
});
