import type { AccountId } from "../../src/core/ids.ts";
import { accessWatch } from "./access-watch.ts";
import { connect } from "./database.ts";
import { MAY_WATCH, tokensOf } from "./viewers.ts";

/** Between two questions of one player. What it adds to a wait counts against us, and so does the work of answering. */
const EACH_MS = 2;
const TRUSTS_WITHIN_MS = 20_000;

/** Tells how much later than its commit an access is seen by who asks the API. */
export const viewWatch = (url: string, port: number) => {
  const database = accessWatch(url);
  const driver = connect(url);
  const mayWatch = async (token: string): Promise<boolean> => {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`http://127.0.0.1:${port}/subscriptions/api/v1/access`, { headers });
    const told = await answer.text();
    if (!answer.ok) throw new Error(`void: answered ${told}`);
    return told.includes(MAY_WATCH);
  };
  const granted = async (token: string): Promise<number> => {
    while (!(await mayWatch(token))) await Bun.sleep(EACH_MS);
    return performance.now();
  };

  return {
    tokenOf: async (account: string): Promise<string> => (await tokensOf([account]))[0] ?? "",
    /** So that the process remembers that it may not. */
    ask: mayWatch,
    granted: database.granted,
    /** From the commit, as anybody sees it, until the API says so. */
    lag: async (account: string, token: string): Promise<number> => {
      const [seenAt, committedAt] = await Promise.all([
        granted(token),
        database.granted(account).then(() => performance.now()),
      ]);
      return Math.max(0, seenAt - committedAt);
    },
    /**
     * Waits until the API answers from memory, which it does once it has heard a beat: what is written behind everybody's back
     * is then not seen. Else there would be nothing to measure.
     * @param account which has nothing yet
     */
    remembers: async (account: AccountId | string): Promise<void> => {
      const [token = ""] = await tokensOf([account]);
      const remove = () => driver.query("delete from billing.access where source = $1", [SOURCE]);
      for (const end = performance.now() + TRUSTS_WITHIN_MS; performance.now() < end; await Bun.sleep(500)) {
        await remove();
        await mayWatch(token);
        await driver.query(BEHIND_ALL_BACKS, [account, SOURCE]);
        const isSeen = await mayWatch(token);
        await remove();
        if (!isSeen) return;
      }
      throw new Error("void: the API asks the database each time");
    },
    close: async (): Promise<void> => {
      await database.close();
      await driver.close();
    },
  };
};

const SOURCE = "subscription/written-behind-all-backs";
const BEHIND_ALL_BACKS = `insert into billing.access (account_id, source, tier, quality, streams, from_at, until_at)
  values ($1, $2, 1, 'hd', 1, now() - interval '1 day', now() + interval '1 day')`;
