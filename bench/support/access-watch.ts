import { connect } from "./database.ts";

/** Between two looks at the database. What it adds to a wait counts against us, and so does the work of looking. */
const EACH_MS = 2;

/** Tells when accounts may watch, as anybody sees it: by the committed row. */
export const accessWatch = (url: string) => {
  const driver = connect(url);
  const waiting = new Map<string, () => void>();
  let isLooking = false;

  const look = async (): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    while (waiting.size > 0) {
      const granted = await driver.query("select account_id from billing.access where account_id = any($1::text[])", [
        [...waiting.keys()],
      ]);
      for (const { account_id: account } of granted) {
        waiting.get(account as string)?.();
        waiting.delete(account as string);
      }
      await Bun.sleep(EACH_MS);
    }
    isLooking = false;
  };

  return {
    granted: (accountId: string): Promise<void> =>
      new Promise((resolve) => {
        waiting.set(accountId, resolve);
        void look();
      }),
    assertGranted: async (accounts: number): Promise<void> => {
      const [row] = await driver.query("select count(distinct account_id)::int as accounts from billing.access");
      if (row?.["accounts"] !== accounts)
        throw new Error(`void: ${accounts} payments were accepted, and ${row?.["accounts"]} accounts may watch`);
    },
    close: () => driver.close(),
  };
};
