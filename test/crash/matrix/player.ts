import { hasPostgres } from "../../support/services.ts";
import { pgliteStore, postgresStore, type SqlStore } from "../../support/stores.ts";
import { blowsAt, STATIONS, stationName } from "./cases.ts";
import { type House, openHouse } from "./house.ts";
import type { Blow } from "./injection.ts";
import { endingOf, playStory, type StoryName } from "./story.ts";

/** What became of one case, as a line of JSON; `wrong` says what is not as it is without a blow. */
export type Played = {
  readonly database: Database;
  readonly station: string;
  readonly mode: string;
  readonly wrong: string | null;
  /** Points that were reached. */
  readonly reached: readonly string[];
};
export const DATABASES = ["PGlite", "PostgreSQL"] as const;
export type Database = (typeof DATABASES)[number];
/** The case in which nothing goes wrong; its mode is the story's name. */
export const NO_BLOW = "no blow";
const CALM: readonly StoryName[] = ["whole", "silent"];

type Case = {
  readonly station: string;
  readonly mode: string;
  readonly blow: Blow | null;
  readonly story: StoryName;
};

/** Where cases are played: how many at once, each on a database of its own. A server's answers are waited for. */
const STAGES: Readonly<Record<Database, { readonly lanes: number; readonly open: () => Promise<SqlStore> }>> = {
  PGlite: { lanes: 2, open: pgliteStore },
  PostgreSQL: { lanes: 3, open: () => postgresStore({ grouped: true }) },
};

/** One after the other: databases that are made at the same time wait for each other longer than anybody should. */
let opening: Promise<unknown> = Promise.resolve();
const openInTurn = (database: Database): Promise<House> => {
  const opened = opening.then(async () => openHouse(await STAGES[database].open()));
  opening = opened.catch(() => undefined);
  return opened;
};

const played = async (house: House, { blow, story }: Case): Promise<Pick<Played, "wrong" | "reached">> => {
  const play = await house.play(blow);
  const { hits, hasStruck } = play.injector;
  const complaints: string[] = [];
  try {
    const ending = await playStory(house, play, story);
    if (blow !== null && !hasStruck()) complaints.push("the point was not reached");
    if (!Bun.deepEquals(ending, endingOf(story))) complaints.push(`it ended otherwise: ${Bun.inspect(ending)}`);
  } catch (error) {
    complaints.push(String(error));
  }
  await play.close();
  complaints.push(...play.broken(), ...(await house.unheard()), ...(await house.check()).differences);
  return { wrong: complaints.length === 0 ? null : complaints.join("\n"), reached: [...hits.keys()] };
};

const playAll = async (database: Database, cases: readonly Case[]): Promise<void> => {
  const { lanes } = STAGES[database];
  const left = [...cases];
  const lane = async (): Promise<void> => {
    let house = await openInTurn(database);
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const came = await played(house, next);
      const { station, mode } = next;
      const line: Played = { database, station, mode, ...came };
      process.stdout.write(`${JSON.stringify(line)}\n`);
      if (came.wrong === null) continue;
      // What a case has left behind would be held against the next one.
      await house.close();
      house = await openInTurn(database);
    }
    await house.close();
  };
  await Promise.all(Array.from({ length: lanes }, lane));
};

// To play some again by hand: `bun test/crash/matrix/player.ts 0 1 "payments.refund"`, with the beginning of a station's name.
if (import.meta.main) {
  const [share = "0", shares = "1", wanted = ""] = process.argv.slice(2);
  const all: readonly Case[] = [
    ...CALM.map((story): Case => ({ station: NO_BLOW, mode: story, blow: null, story })),
    ...STATIONS.flatMap((station) =>
      blowsAt(station).map(
        (blow): Case => ({ station: stationName(station), mode: blow.mode, blow, story: station.story }),
      ),
    ),
  ];
  const mine = all
    .filter(({ station }) => station.startsWith(wanted))
    .filter((_, place) => place % Number(shares) === Number(share));
  await Promise.all(DATABASES.filter((one) => one === "PGlite" || hasPostgres).map((one) => playAll(one, mine)));
  process.stdout.write("", () => process.exit(0));
}
