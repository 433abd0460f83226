import { postgresJs } from "../../src/adapters/postgres/postgres-js.ts";

/** The server that tests may use: their databases are made and dropped there. */
const SERVER = process.env["TEST_DATABASE_URL"] ?? "postgres://postgres@127.0.0.1:5432/postgres";

const answers = async (): Promise<boolean> => {
  const driver = postgresJs({ url: SERVER, max: 1, role: null });
  try {
    await driver.query("select 1");
    return true;
  } catch {
    return false;
  } finally {
    await driver.close();
  }
};

/** Whether a real PostgreSQL answers. Where services are required its absence fails; else its suites are skipped by name. */
export const hasPostgres = await answers();
if (!hasPostgres && process.env["REQUIRE_SERVICES"] === "1") {
  throw new Error("REQUIRE_SERVICES=1, but no PostgreSQL answers at TEST_DATABASE_URL");
}

/** A fresh database; whoever asks for one drops it, or has `dropDatabases` drop all when its file has ended. */
export const freshDatabase = async (): Promise<string> => {
  const name = `matinee_test_${crypto.randomUUID().replaceAll("-", "")}`;
  await onServer(`create database ${name}`);
  const url = Object.assign(new URL(SERVER), { pathname: `/${name}` }).href;
  made.add(url);
  return url;
};
export const dropDatabase = async (url: string): Promise<void> => {
  await onServer(`drop database if exists ${new URL(url).pathname.slice(1)} with (force)`);
  made.delete(url);
};
/** For `afterAll` of a file: a hook that this module set itself would be the first file's only. */
export const dropDatabases = async (): Promise<void> => {
  for (const url of made) await dropDatabase(url);
};

const made = new Set<string>();
const onServer = async (statement: string): Promise<void> => {
  const driver = postgresJs({ url: SERVER, max: 1, role: null });
  await driver.query(statement);
  await driver.close();
};
