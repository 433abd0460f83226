import { afterAll, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { openPglite } from "../../src/adapters/postgres/store.ts";
import { fold } from "../../src/core/billing/fold.ts";
import { rowsOf } from "../../src/core/billing/rows.ts";
import { DEFAULT_POLICY } from "../../src/core/policy.ts";
import { answered } from "../support/cinema.ts";
import { openDice } from "../support/dice.ts";
import { until } from "../support/until.ts";
import { LANES, lookFor, MASTER_KEY } from "./writer.ts";
import { newPlace, writing } from "./writing.ts";

// Power cuts are not covered: PGlite leaves it to the kernel when a write reaches the disk.

/** For what starts databases and drops them, on a machine that is busy. */
const SLOW_MS = 60_000;
const KILLS = process.env["LONG"] === "1" ? 300 : 30;
/** Printed at the end; the same one kills after the same numbers of commits. */
const SEED = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
/** Sign-ups in one life of the writer, at least and at most. */
const LIFE = { from: 1, to: 10 };
/** What each lane may have committed without a word getting out. */
const UNHEARD = LANES;

const place = newPlace();
const young = newPlace();
afterAll(() => {
  place.remove();
  young.remove();
}, SLOW_MS);

test(
  `a process that is killed ${KILLS} times while it writes loses nothing that it has acknowledged, and leaves nothing half done`,
  async () => {
    const dice = openDice(SEED);
    const signed: number[] = [];
    const unheard: number[] = [];
    let before: readonly number[] = [];
    let [from, to] = [0, 0];
    for (let kill = 0; kill < KILLS; kill += 1) {
      const life = LIFE.from + dice.below(LIFE.to - LIFE.from + 1);
      const writer = writing(place.folder, from, to);
      await writer.until((said) => said.open && said.signed.length >= life);
      const said = await writer.kill();
      expect([...said.found.values()].filter((state) => state === "half")).toEqual([]);
      const lost = before.filter((n) => said.found.get(n) !== "whole");
      expect(lost).toEqual([]);
      unheard.push(...[...said.found].flatMap(([n, state]) => (state === "whole" && !before.includes(n) ? [n] : [])));
      signed.push(...said.signed);
      before = said.signed;
      [from, to] = [to, Math.max(...said.signed) + 1 + UNHEARD];
    }

    const store = await openPglite({ folder: place.folder, masterKey: MASTER_KEY });
    for (const n of signed) expect([n, await lookFor(store, n)]).toEqual([n, "whole"]);
    const rebuilt = await store.rebuild(
      "check",
      (stream, events) => rowsOf(fold(stream, events), DEFAULT_POLICY),
      () => undefined,
    );
    expect(answered(rebuilt)).toMatchObject({ identical: true, differences: [] });
    await store.close();
    process.stdout.write(
      `${KILLS} kills: ${signed.length} sign-ups acknowledged and found, ${unheard.length} more committed unheard, seed ${SEED}\n`,
    );
    expect(signed.length).toBeGreaterThanOrEqual(KILLS * LIFE.from);
  },
  KILLS * 10_000,
);

test(
  "a process that is killed during its first start is followed by one that starts",
  async () => {
    const { folder } = young;
    const files = (): number => {
      try {
        return readdirSync(`${folder}.new`, { recursive: true }).length;
      } catch {
        return existsSync(folder) ? Number.POSITIVE_INFINITY : 0; // Renamed already, or not begun yet.
      }
    };
    const moments: readonly (readonly [string, () => boolean])[] = [
      ["the folder is begun", () => files() > 0],
      ["it is half made", () => files() > 400],
      ["it is nearly whole", () => files() > 900],
      ["it is whole, and nothing is in it yet", () => existsSync(folder)],
    ];
    for (const [what, holds] of moments) {
      const writer = writing(folder);
      await until(what, holds, SLOW_MS);
      expect((await writer.kill()).open).toBe(false);
    }
    const writer = writing(folder);
    await writer.until((said) => said.signed.length > 0);
    expect(await writer.finish()).toMatchObject({ exitCode: 0, complaints: "" });
    expect(existsSync(`${folder}.new`)).toBe(false);
  },
  5 * SLOW_MS,
);
