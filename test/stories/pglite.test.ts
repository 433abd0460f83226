import { pgliteStore } from "../support/stores.ts";
import { firstSubscriptionStories } from "./first-subscription.ts";

firstSubscriptionStories("embedded PGlite", pgliteStore);
