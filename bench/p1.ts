import { acceptingSide, pgbenchSide, WARM_UP } from "./support/accepting.ts";
import { runAlone } from "./support/alone.ts";
import { assertDurable } from "./support/database.ts";
import { payersNow, REGISTERED, recordOnCopy } from "./support/door.ts";
import { type Goal, ratio } from "./support/goal.ts";
import { interleaved } from "./support/rounds.ts";
import { scaled } from "./support/scale.ts";

const CALLBACKS = scaled(4800, 64, 16_000);

export const p1: Goal = {
  id: "p1",
  what: "payment callback accepted over HTTP: 64 clients, raw body, HMAC, durable rows, answer; the API's own process",
  dividedBy: "pgbench, the very statements that the API sends for each, 8 clients",
  measure: async (say) => {
    await assertDurable();
    const { url, payers } = await payersNow(say);
    const callbacks = payers.slice(0, WARM_UP + CALLBACKS).map(({ callback }) => callback);
    const replayed = await recordOnCopy(url, callbacks, REGISTERED, 1);
    say(`${replayed.replay.statements} statements for each callback`);
    const limit = pgbenchSide(replayed, CALLBACKS);
    const rounds = await interleaved([acceptingSide("ours", replayed.url, callbacks), limit], say);
    return { figures: [ratio(rounds, { least: 0.6 })] };
  },
};

if (import.meta.main) await runAlone(p1);
