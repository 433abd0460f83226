import { afterAll, describe } from "bun:test";
import { dropDatabases, hasPostgres } from "../support/services.ts";
import { postgresStore } from "../support/stores.ts";
import { lateStories } from "./late.ts";

afterAll(dropDatabases);

// What a fault of the gateway comes to does not depend on the database; the two that take longest are played on both.
describe.skipIf(!hasPostgres)("On a server", () =>
  lateStories("PostgreSQL", () => postgresStore({ grouped: true }), ["lost_answer", "never_arrives"]),
);
