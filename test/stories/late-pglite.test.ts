import { pgliteStore } from "../support/stores.ts";
import { lateStories } from "./late.ts";

lateStories("embedded PGlite", pgliteStore, ["lost_answer", "never_arrives", "500", "html", "429", "slow"]);
