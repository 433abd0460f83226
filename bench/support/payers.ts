import { openPostgres } from "../../src/adapters/postgres/store.ts";
import { fold } from "../../src/core/billing/fold.ts";
import { rowsOf } from "../../src/core/billing/rows.ts";
import type { GatewayAccount } from "../../src/core/ids.ts";
import { DEFAULT_POLICY } from "../../src/core/policy.ts";
import type { Instant } from "../../src/core/time.ts";
import { AT_GATEWAY, openCinema, START, told } from "../../test/support/cinema.ts";
import { cloneHistories } from "./clones.ts";
import { connect } from "./database.ts";
import { aboutToPay } from "./life.ts";

/** Real histories, and the copies of each: 20,200 accounts. */
const REAL = 200;
const COPIES = 100;
export const PAYERS = REAL * (COPIES + 1);

/**
 * Fills an empty database with accounts that are about to pay, or have paid.
 * @param at when all of it happened
 */
export const seedPayers = async (
  url: string,
  gatewayAccount: GatewayAccount,
  { at = START, havePaid = false }: { readonly at?: Instant; readonly havePaid?: boolean } = {},
): Promise<void> => {
  const store = await openPostgres({ url, masterKey: new Uint8Array(32), max: 8, groupCommit: true });
  try {
    const cinema = openCinema(store, { gatewayAccount });
    cinema.moveTo(at);
    await cinema.sell();
    await Promise.all(
      Array.from({ length: REAL }, async (_, i) => {
        const { payment } = await aboutToPay(cinema, `payer ${i}`);
        if (havePaid) told(await cinema.ask(AT_GATEWAY, { ...payment, gatewayAccount }));
      }),
    );
    const driver = connect(url);
    await cloneHistories(driver, COPIES);
    await driver.close();
    const rebuilt = await store.rebuild(
      "replace",
      (stream, events) => rowsOf(fold(stream, events), DEFAULT_POLICY),
      () => undefined,
    );
    if (!rebuilt.ok) throw new Error(`the seeds have no rows: ${rebuilt.error.code}`);
  } finally {
    await store.close();
  }
};
