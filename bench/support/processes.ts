import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = new URL("../..", import.meta.url).pathname;
export const STANDALONE = join(ROOT, "src/entrypoints/standalone.ts");
export const API = join(ROOT, "src/entrypoints/api.ts");
export const CONSUMER = join(ROOT, "src/entrypoints/consumer.ts");
export const CRON = join(ROOT, "src/entrypoints/cron.ts");
export const API_ALONE = new URL("./api-process.ts", import.meta.url).pathname;
export const VIEWING = new URL("./viewing-process.ts", import.meta.url).pathname;
export const BARE = new URL("./bare-process.ts", import.meta.url).pathname;

/** What the processes that we measure are set to. The gateway is a real one that nobody ever calls. */
export const API_SECRET = "bench-api-secret";
export const PUBLIC_ID = "pk_bench";
export const VAULT_KEY = "5a".repeat(32);
export const settingsOf = (databaseUrl: string, connections: number): Settings => ({
  PORT: "0",
  DATABASE_URL: databaseUrl,
  DATABASE_CONNECTIONS: `${connections}`,
  VAULT_KEY,
  CLOUDPAYMENTS_PUBLIC_ID: PUBLIC_ID,
  CLOUDPAYMENTS_API_SECRET: API_SECRET,
  LOG_LEVEL: "warn",
});
export type Settings = Readonly<Record<string, string>>;

export type Running = {
  readonly pid: number;
  readonly port: number;
  /** From the start of the process until it said its port. */
  readonly saidAfterMs: number;
  stop(): Promise<void>;
};

const children = new Set<Bun.Subprocess>();
/** Ends whatever a goal that broke off has left running: it would take time from the next. */
export const endAllStarted = (): void => {
  for (const child of children) child.kill("SIGKILL");
  children.clear();
};
process.on("exit", endAllStarted);

/**
 * Starts one of our programs with no setting but those given, and waits until it says its port.
 * @param options of Bun, before the program
 * @param log where its standard output goes, if it is not needed to hear the port
 */
export const start = async (
  program: string,
  settings: Settings,
  { options = [], log = null }: { readonly options?: readonly string[]; readonly log?: string | null } = {},
): Promise<Running> => {
  const startedAt = performance.now();
  const child = Bun.spawn([process.execPath, ...options, program], {
    env: { PATH: process.env["PATH"] ?? "", ...settings },
    stdout: log === null ? "pipe" : Bun.file(log),
    stderr: "pipe",
  });
  children.add(child);
  const told: string[] = [];
  const port = Promise.withResolvers<number>();
  const listen = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      told.push(decoder.decode(chunk, { stream: true }));
      const said = /(?:listens on |(?:start here|health) +http:\/\/localhost:)(\d+)/.exec(told.join(""))?.[1];
      if (said !== undefined) port.resolve(Number(said));
    }
  };
  const heard = [listen(child.stderr), ...(child.stdout instanceof ReadableStream ? [listen(child.stdout)] : [])];
  void Promise.all([child.exited, ...heard]).then(() => port.reject(new Error(`${program} ended: ${told.join("")}`)));
  return {
    pid: child.pid,
    port: await port.promise,
    saidAfterMs: performance.now() - startedAt,
    stop: async () => {
      child.kill("SIGTERM");
      const status = await child.exited;
      children.delete(child);
      if (status !== 0) throw new Error(`void: ${program} ended with ${status}: ${told.join("")}`);
    },
  };
};

/** Megabytes of main memory that a process and all its children take. */
export const residentMb = (pid: number): number => {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const own = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) / 1024;
  return childrenOf(pid).reduce((sum, child) => sum + residentMb(child), own);
};

const childrenOf = (pid: number): readonly number[] =>
  readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number),
  );
