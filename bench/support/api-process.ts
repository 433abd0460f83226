import { configured, opened } from "../../src/entrypoints/boot.ts";
import { openApi } from "./api.ts";
import { serve } from "./serving.ts";

// The API alone, in a process of its own and with no other rights than the API's.
const config = configured();
const { store, masterKey } = await opened(config, "matinee_api");
const app = await openApi(config, masterKey, store);
serve(app.http, config.port ?? 0, store.close);
