import { afterAll } from "bun:test";
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

/** A fresh database for a test file; dropped when the file has ended. */
export const freshDatabase = async (): Promise<string> => {
  const name = `matinee_test_${crypto.randomUUID().replaceAll("-", "")}`;
  await onServer(`create database ${name}`);
  made.push(name);
  return Object.assign(new URL(SERVER), { pathname: `/${name}` }).href;
};

const made: string[] = [];
const onServer = async (statement: string): Promise<void> => {
  const driver = postgresJs({ url: SERVER, max: 1, role: null });
  await driver.query(statement);
  await driver.close();
};
afterAll(async () => {
  for (const name of made.splice(0)) await onServer(`drop database if exists ${name} with (force)`);
}, 60_000);
