import { afterAll, describe } from "bun:test";
import { dropDatabases, hasPostgres } from "../support/services.ts";
import { postgresStore } from "../support/stores.ts";
import { firstSubscriptionStories } from "./first-subscription.ts";

afterAll(dropDatabases);

describe.skipIf(!hasPostgres)("On a server", () =>
  firstSubscriptionStories("PostgreSQL", () => postgresStore({ grouped: true })),
);
