import { httpApp } from "../adapters/http/app.ts";
import { openStore } from "./assemble.ts";
import { describeComplaints, EXIT_CONFIG, readConfig } from "./config.ts";

// One process with everything in it. So far: the store, migrated, and the operations routes.
const read = readConfig(process.env);
if (!read.ok) {
  process.stderr.write(`${describeComplaints(read.complaints)}\n`);
  process.exit(EXIT_CONFIG);
}
const { config } = read;
const store = await openStore(config).catch((refused: unknown) => {
  process.stderr.write(`${refused instanceof Error ? refused.message : String(refused)}\n`);
  process.exit(1);
});

const app = httpApp({
  ready: async () => {
    const answered = await store.queries.plans("on_sale");
    return { ok: answered.ok, parts: { storage: answered.ok ? "ready" : "not_ready" } };
  },
}).listen(config.port);
const origin = `http://localhost:${app.server?.port}`;

process.stdout.write(
  [
    "Matinee is running.",
    `  health    ${origin}/health/ready`,
    config.database === null
      ? `  storage   embedded, in ${config.dataDir}; set DATABASE_URL for a PostgreSQL server`
      : "  storage   PostgreSQL at DATABASE_URL",
    "  stop      Ctrl-C",
    "",
  ].join("\n"),
);

const stop = async (): Promise<void> => {
  await app.stop();
  await store.close();
  process.exit(0);
};
process.once("SIGTERM", () => void stop());
process.once("SIGINT", () => void stop());
