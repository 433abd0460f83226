import type { Driver } from "../../src/adapters/postgres/driver.ts";
import { postgresJs } from "../../src/adapters/postgres/postgres-js.ts";

/** The server to measure on: databases are made and dropped there. */
const SERVER = process.env["BENCH_DATABASE_URL"] ?? "postgres://postgres@127.0.0.1:5432/postgres";

/** Seeding takes statements that are longer than any of the product's. */
const DEADLINE_MS = 600_000;

export const connect = (url: string, max = 1): Driver => postgresJs({ url, max, role: null, deadlineMs: DEADLINE_MS });

/**
 * Makes a database, empty or as a copy of another one. A copy is checkpointed, so that the first writes to its pages cost
 * both sides of a comparison the same.
 */
export const makeDatabase = async (from: string | null = null): Promise<string> => {
  if (isBrokenOff) throw new Error("the run was broken off");
  const name = `matinee_bench_${crypto.randomUUID().replaceAll("-", "")}`;
  const making = onServer(
    from === null ? `create database ${name}` : `create database ${name} template ${nameOf(from)} strategy file_copy`,
  );
  made.set(name, making);
  await making;
  await onServer("checkpoint");
  return urlOf(name);
};

export const dropDatabase = async (url: string): Promise<void> => {
  const name = nameOf(url);
  // One that is only being made would be there afterwards.
  await made.get(name)?.catch(() => undefined);
  await onServer(`drop database if exists ${name} with (force)`);
  made.delete(name);
};

/** Drops whatever a run has left behind. */
export const dropAllMade = async (): Promise<void> => {
  for (const name of [...made.keys()]) await dropDatabase(urlOf(name));
};

/** A run without durable commits measures something else. */
export const assertDurable = async (): Promise<void> => {
  for (const setting of ["fsync", "synchronous_commit", "full_page_writes"]) {
    const [row] = await onServer(`show ${setting}`);
    if (row?.[setting] !== "on") throw new Error(`${setting} is ${String(row?.[setting])}: commits must be durable`);
  }
};

/** What our connections set for themselves, as `PGOPTIONS` says it: whoever is compared with us gets the same. */
export const ourSettings = async (url: string): Promise<string> => {
  const driver = connect(url);
  const rows = await driver.query(
    "select name, setting from pg_settings where source = 'client' and name <> all($1::text[]) order by name",
    [["application_name", "client_encoding"]],
  );
  await driver.close();
  return rows.map(({ name, setting }) => `-c ${String(name)}=${String(setting).replaceAll(" ", "\\ ")}`).join(" ");
};

/** Keeps the planner's statistics and the visibility maps of a freshly filled database in order. */
export const vacuum = async (url: string): Promise<void> => {
  const driver = connect(url);
  await driver.query("vacuum analyze");
  await driver.close();
};

/** By name, with the making of each. */
const made = new Map<string, Promise<unknown>>();
let isBrokenOff = false;
// A run that is broken off leaves nothing behind.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    isBrokenOff = true;
    void dropAllMade().finally(() => process.exit(130));
  });
}
const urlOf = (name: string): string => Object.assign(new URL(SERVER), { pathname: `/${name}` }).href;
const nameOf = (url: string): string => new URL(url).pathname.slice(1);

const onServer = async (statement: string) => {
  const driver = connect(SERVER);
  try {
    return await driver.query(statement);
  } catch (error) {
    throw new Error(`${SERVER} (BENCH_DATABASE_URL) refused: ${statement}`, { cause: error });
  } finally {
    await driver.close();
  }
};
