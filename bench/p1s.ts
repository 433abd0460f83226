import type { CommandId } from "../src/core/ids.ts";
import { natsHouse } from "../test/support/nats-house.ts";
import type { OwnNats } from "../test/support/own-nats.ts";
import { until } from "../test/support/until.ts";
import { acceptingSide, CLIENTS, onCopyOf, pgbenchSide, WARM_UP } from "./support/accepting.ts";
import { runAlone } from "./support/alone.ts";
import { assertDurable } from "./support/database.ts";
import { assertKept, CONNECTIONS, payersNow, REGISTERED, recordOnCopy } from "./support/door.ts";
import { alsoRatio, type Goal, ratio } from "./support/goal.ts";
import { closedLoop } from "./support/load.ts";
import { API, settingsOf, start } from "./support/processes.ts";
import { interleaved, type Side } from "./support/rounds.ts";
import { scaled } from "./support/scale.ts";
import { withNats } from "./support/servers.ts";

const CALLBACKS = scaled(4800, 64, 16_000);

export const p1s: Goal = {
  id: "p1s",
  what: "as p1, by `api` as one of three processes: each callback that was accepted is rung over NATS before it is answered",
  dividedBy: "pgbench, the very statements that the API sends for each, 8 clients",
  measure: async (say) => {
    await assertDurable();
    const { url, payers } = await payersNow(say);
    const callbacks = payers.slice(0, WARM_UP + CALLBACKS).map(({ callback }) => callback);
    const replayed = await recordOnCopy(url, callbacks, REGISTERED, 1);
    const ours: Side = {
      name: "ours",
      run: () =>
        withNats((nats) =>
          onCopyOf(replayed.url, async (copy) => {
            const api = await start(API, { ...settingsOf(copy, CONNECTIONS), NATS_URL: nats.url });
            const target = { port: api.port, expected: REGISTERED };
            await closedLoop(target, callbacks.slice(0, WARM_UP), CLIENTS);
            const half = await closedLoop(target, callbacks.slice(WARM_UP), CLIENTS);
            await api.stop();
            await assertKept(copy, callbacks.length);
            await assertRung(nats, callbacks.length);
            return half;
          }),
        ),
    };
    const limit = pgbenchSide(replayed, CALLBACKS);
    const rounds = await interleaved([ours, limit, acceptingSide("no bus", replayed.url, callbacks)], say);
    return {
      figures: [ratio(rounds, { least: 0.6 })],
      also: [alsoRatio("divided by the same API without a bus", rounds, 0, 2)],
    };
  },
};

/** They wait in their stream for somebody to answer them. */
const assertRung = async (nats: OwnNats, callbacks: number): Promise<void> => {
  const { bus, close } = await natsHouse(nats.url);
  const rung = new Set<CommandId>();
  const answering = await bus.answerRings(async (ids) => {
    for (const id of ids) rung.add(id);
  });
  await until(`void: each of ${callbacks} callbacks has rung`, () => rung.size === callbacks);
  await answering.stop();
  await close();
};

if (import.meta.main) await runAlone(p1s);
