import { afterAll, describe } from "bun:test";
import { openPostgres } from "../../src/adapters/postgres/store.ts";
import { dropDatabases, freshDatabase, hasPostgres } from "../support/services.ts";
import { races } from "./races.ts";

afterAll(dropDatabases);

describe.skipIf(!hasPostgres)("Races on PostgreSQL", () =>
  races(async () => openPostgres({ url: await freshDatabase(), masterKey: new Uint8Array(32), max: 8 })),
);
