import type { HttpApp } from "../../src/adapters/http/app.ts";

/** Serves until it is told to end. Says its port where no log line goes. @param close lets go of what the application stands on */
export const serve = (app: HttpApp, port: number, close: () => Promise<void>): void => {
  const server = Bun.serve({
    port,
    reusePort: false,
    fetch: (request, connection) => app.fetch(request, connection),
  });
  process.on("SIGTERM", () => {
    void server
      .stop()
      .then(close)
      .then(() => process.exit(0));
  });
  process.stderr.write(`listens on ${server.port}\n`);
};
