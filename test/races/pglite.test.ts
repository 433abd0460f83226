import { describe } from "bun:test";
import { openPglite } from "../../src/adapters/postgres/store.ts";
import { races } from "./races.ts";

describe("Races on PGlite", () => races(() => openPglite({ folder: null, masterKey: new Uint8Array(32) })));
