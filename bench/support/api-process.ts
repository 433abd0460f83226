import { configured, opened } from "../../src/entrypoints/boot.ts";
import { openApi } from "./api.ts";

// The API alone, in a process of its own and with no other rights than the API's. Says its port where no log line goes.
const config = configured();
const { store, masterKey } = await opened(config, "matinee_api");
const app = await openApi(config, masterKey, store);
const server = Bun.serve({
  port: config.port ?? 0,
  reusePort: false,
  fetch: (request, connection) => app.http.fetch(request, connection),
});
process.on("SIGTERM", () => {
  void server
    .stop()
    .then(() => store.close())
    .then(() => process.exit(0));
});
process.stderr.write(`listens on ${server.port}\n`);
