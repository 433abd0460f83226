import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { PGlite, types } from "@electric-sql/pglite";
import { btree_gist } from "@electric-sql/pglite/contrib/btree_gist";
import { type Driver, type Parameter, SqlError, type SqlRow } from "./driver.ts";

/**
 * PostgreSQL in this process, in a folder or (null) in memory. One process at a time: a second one is refused. Survives
 * `kill -9`; does not survive a power cut, for it never calls fsync.
 */
export const pglite = async (folder: string | null): Promise<Driver> => {
  const lock = folder === null ? null : lockFolder(folder);
  const db = await PGlite.create({
    ...(folder === null ? {} : { dataDir: folder }),
    extensions: { btree_gist },
    parsers: { [types.INT8]: BigInt },
  });
  await db.exec("set timezone = 'UTC'");
  const ask = async (
    to: Pick<PGlite, "query">,
    text: string,
    params: readonly Parameter[] = [],
  ): Promise<readonly SqlRow[]> => {
    try {
      return (await to.query<SqlRow>(text, [...params])).rows;
    } catch (error) {
      throw translated(error);
    }
  };
  return {
    query: (text, params) => ask(db, text, params),
    transaction: (run) =>
      db.transaction((transaction) => run((text, params) => ask(transaction as unknown as PGlite, text, params))),
    close: async () => {
      await db.close();
      lock?.close();
    },
  };
};

/** Another process has the folder. Its data would be destroyed if two wrote at once. */
export class FolderInUse extends Error {
  override readonly name = "FolderInUse";
}

/**
 * Takes the folder for this process until it ends. The lock is the kernel's, on a file beside the folder: it is free the
 * moment the process dies, however it dies, and no stale process number can keep anybody out.
 */
const lockFolder = (folder: string): Database => {
  mkdirSync(dirname(folder), { recursive: true });
  const note = new Database(`${folder}.owner`, { create: true });
  const lock = new Database(`${folder}.lock`, { create: true });
  try {
    lock.run("begin exclusive");
  } catch {
    lock.close();
    const owner = note.query<{ pid: number }, []>("select pid from owner").get();
    note.close();
    const who = owner === null ? "another process" : `process ${owner.pid}`;
    throw new FolderInUse(`${folder} is in use by ${who}. Stop it first, or set DATA_DIR to another folder.`);
  }
  note.run("create table if not exists owner (pid integer not null)");
  note.run("delete from owner");
  note.run("insert into owner values (?)", [process.pid]);
  note.close();
  return lock;
};

const translated = (error: unknown): unknown => {
  if (!(error instanceof Error) || !("code" in error)) return error;
  const constraint = "constraint" in error && typeof error.constraint === "string" ? error.constraint : null;
  return new SqlError(String(error.code), error.message, constraint);
};
