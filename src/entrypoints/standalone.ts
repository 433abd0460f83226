import { httpApp } from "../adapters/http/app.ts";
import { configured, opened, refuse } from "./boot.ts";

// One process with everything in it. So far: the store, migrated, and the operations routes.
const config = configured();
const store = await opened(config, "matinee_updater");

const app = httpApp({
  ready: async () => {
    const answered = await store.queries.plans("on_sale");
    return { ok: answered.ok, parts: { storage: answered.ok ? "ready" : "not_ready" } };
  },
});
try {
  app.listen(config.port);
} catch (error) {
  await store.close();
  if (!(error instanceof Error && "code" in error && error.code === "EADDRINUSE")) throw error;
  refuse(`Port ${config.port} is in use. Stop what listens there, or set PORT to another one.`);
}
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
