import { openMemory } from "../../src/adapters/memory/store.ts";
import type { Store } from "../../src/core/ports/store.ts";

/** Over what the stories of billing are told. Another store is one line here. */
export const openStore = async (): Promise<Store> => openMemory();
