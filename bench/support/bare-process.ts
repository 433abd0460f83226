// What a server costs that does nothing: the same answer to whatever is asked. Says its port where no log line goes.
const body = process.env["BODY"] ?? "";
const headers = { "content-type": "application/json" };
const server = Bun.serve({ port: 0, reusePort: false, fetch: () => new Response(body, { headers }) });
process.on("SIGTERM", () => void server.stop().then(() => process.exit(0)));
process.stderr.write(`listens on ${server.port}\n`);
