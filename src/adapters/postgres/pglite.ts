import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { PGlite, type Transaction, types } from "@electric-sql/pglite";
import { btree_gist } from "@electric-sql/pglite/contrib/btree_gist";
import { type Driver, type Parameter, SqlError, type SqlRow } from "./driver.ts";
import { lockFolder } from "./folder-lock.ts";

export { FolderInUse } from "./folder-lock.ts";

/**
 * PostgreSQL in this process, in a folder or (null) in memory. One process at a time: a second one is refused. Survives
 * `kill -9`; does not survive a power cut, for it never calls fsync. Knows no deadline: a statement runs in this very thread.
 */
export const pglite = async (folder: string | null): Promise<Driver> => {
  if (folder === null) return driverOver(await open(null), () => undefined);
  mkdirSync(dirname(folder), { recursive: true });
  const unlock = lockFolder(folder);
  try {
    if (!existsSync(folder) || readdirSync(folder).length === 0) await makeFolder(folder);
    return driverOver(await open(folder), unlock);
  } catch (error) {
    unlock();
    throw error;
  }
};

const open = async (folder: string | null): Promise<PGlite> => {
  const db = await PGlite.create({
    ...(folder === null ? {} : { dataDir: folder }),
    extensions: { btree_gist },
    parsers: { [types.INT8]: BigInt },
  });
  await db.exec("set timezone = 'UTC'");
  return db;
};

/** Made aside and renamed when it is whole: a folder that was half made when its process died can't be opened. */
const makeFolder = async (folder: string): Promise<void> => {
  const aside = `${folder}.new`;
  rmSync(aside, { recursive: true, force: true });
  // Its files are open to everybody; so the folder is for its owner alone.
  mkdirSync(aside, { mode: 0o700 });
  chmodSync(aside, 0o700);
  const db = await open(aside);
  await db.close();
  renameSync(aside, folder);
};

const driverOver = (db: PGlite, unlock: () => void): Driver => {
  const giveOthersATurn = turns();
  return {
    query: async (text, params) => {
      await giveOthersATurn();
      return ask(db, text, params);
    },
    transaction: (run) =>
      db.transaction(async (transaction) => {
        let failure: unknown = null;
        const noted = async <T>(work: () => Promise<T>): Promise<T> => {
          await giveOthersATurn();
          try {
            return await work();
          } catch (error) {
            failure ??= error;
            throw error;
          }
        };
        const result = await run(
          (text, params) => noted(() => ask(transaction, text, params)),
          (text) => noted(() => script(transaction, text)),
        );
        // PostgreSQL answers the commit of a failed transaction with a silent rollback.
        if (failure !== null) throw failure;
        return result;
      }),
    close: async () => {
      try {
        await db.close();
      } finally {
        unlock();
      }
    },
  };
};

/** For how long statements may follow each other before sockets and timers are looked after. */
const TURN_MS = 5;

/**
 * PGlite answers within the same turn of the event loop: whoever asks again and again, as one does who works off a backlog,
 * would let no request in and no timer ring.
 */
const turns = (): (() => Promise<void>) => {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < TURN_MS) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
    since = performance.now();
  };
};

const ask = async (
  to: Pick<Transaction, "query">,
  text: string,
  params: readonly Parameter[] = [],
): Promise<readonly SqlRow[]> => {
  try {
    return (await to.query<SqlRow>(text, [...params])).rows;
  } catch (error) {
    throw translated(error);
  }
};

const script = async (to: Pick<Transaction, "exec">, text: string): Promise<void> => {
  try {
    await to.exec(text);
  } catch (error) {
    throw translated(error);
  }
};

const translated = (error: unknown): unknown => {
  if (!(error instanceof Error) || !("code" in error)) return error;
  const constraint = "constraint" in error && typeof error.constraint === "string" ? error.constraint : null;
  return new SqlError(String(error.code), error.message, constraint);
};
