import { Database, SQLiteError } from "bun:sqlite";
import { PGlite } from "@electric-sql/pglite";
import { btree_gist } from "@electric-sql/pglite/contrib/btree_gist";
import postgres from "postgres";

export type Row = Readonly<Record<string, unknown>>;
/** One statement without parameters, with the rights of the database's owner. */
export type Query = (text: string) => Promise<readonly Row[]>;

/** Our database, opened by nothing of ours: a server by its address, an embedded one by its folder. */
export const openDatabase = async (place: string): Promise<{ readonly query: Query; close(): Promise<void> }> =>
  /^postgres(ql)?:/.test(place) ? server(place) : folder(place);

const server = async (url: string) => {
  const sql = postgres(url, { max: 1 });
  return { query: async (text: string) => [...(await sql.unsafe(text))], close: () => sql.end() };
};

/** Two processes in one folder destroy it: the lock is the one that Matinee takes. */
const folder = async (path: string) => {
  const lock = new Database(`${path}.lock`, { create: true });
  try {
    lock.run("begin exclusive");
  } catch (error) {
    lock.close();
    if (!(error instanceof SQLiteError)) throw error;
    throw new Error(`${path} is in use: stop Matinee first`);
  }
  const db = await PGlite.create({ dataDir: path, extensions: { btree_gist } });
  return {
    query: async (text: string) => (await db.query<Row>(text)).rows,
    close: async () => {
      await db.close();
      lock.close();
    },
  };
};

/** Whole numbers come as text from a server and as numbers from the embedded one. */
export const whole = (value: unknown): bigint => BigInt(String(value));
export const text = (value: unknown): string => String(value);
