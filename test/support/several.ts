import { freePort } from "./free-port.ts";
import { newViewer, type OnlineViewer } from "./online-viewer.ts";
import { type Ended, newFolder, type Program, runProgram } from "./program.ts";
import { until } from "./until.ts";

/** What the programs stand on. Bus and tasks are embedded in each of them where no server is named. */
type Servers = { readonly databaseUrl: string; readonly natsUrl?: string; readonly redisUrl?: string };
export type Kind = "api" | "consumer" | "cron" | "sandbox";
type Settings = Readonly<Record<string, string>>;

/** Matinee as several processes of this machine, each on a free port. */
export type Several = {
  /** The API's address. */
  readonly origin: string;
  readonly sandboxUrl: string;
  /** What all programs are told, and what the operator's command line works with. */
  readonly settings: Settings;
  /** Starts them at once, and answers when each says that it runs. */
  start(...kinds: readonly Kind[]): Promise<void>;
  /** As a person at a terminal: nobody is waited for, nothing is cut off. */
  stop(...kinds: readonly Kind[]): Promise<readonly Ended[]>;
  /** What it has printed, once it has printed this. */
  says(kind: Kind, pattern: RegExp): Promise<RegExpExecArray>;
  health(kind: Exclude<Kind, "sandbox">): Promise<Health>;
  /** The operator's command line, with the same settings but for those given. */
  matinee(args: readonly string[], over?: Settings): Promise<Ended>;
  viewer(): Promise<OnlineViewer>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};
export type Health = { readonly live: number; readonly ready: number; readonly parts: Settings };

export const openSeveral = ({ databaseUrl, natsUrl, redisUrl }: Servers): Several => {
  const folder = newFolder();
  const [apiPort, sandboxPort] = [freePort(), freePort()];
  const [origin, sandboxUrl] = [`http://localhost:${apiPort}`, `http://localhost:${sandboxPort}`];
  const settings: Settings = {
    DATABASE_URL: databaseUrl,
    VAULT_KEY: "0f".repeat(32),
    DATA_DIR: folder.path,
    PUBLIC_URL: origin,
    SANDBOX_URL: sandboxUrl,
    LOG_LEVEL: "error",
    // Viewers come from addresses of their own.
    TRUSTED_PROXIES: "127.0.0.0/8,::1",
    // The server is shared by all files.
    DATABASE_CONNECTIONS: "4",
    ...(natsUrl === undefined ? {} : { NATS_URL: natsUrl }),
    ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
  };
  const ports: Readonly<Record<Kind, number>> = { api: apiPort, sandbox: sandboxPort, consumer: 0, cron: 0 };
  const running = new Map<Kind, Program>();
  const programOf = (kind: Kind): Program => {
    const program = running.get(kind);
    if (program === undefined) throw new Error(`no ${kind} runs`);
    return program;
  };
  const end = async (kind: Kind, signal: NodeJS.Signals): Promise<Ended> => {
    const program = programOf(kind);
    running.delete(kind);
    program.signal(signal);
    return program.ended();
  };
  const close = async (): Promise<void> => {
    await Promise.all([...running.keys()].map((kind) => end(kind, "SIGKILL")));
    folder.remove();
  };
  return {
    origin,
    sandboxUrl,
    settings,
    start: async (...kinds) => {
      for (const kind of kinds) running.set(kind, runProgram(kind, { ...settings, PORT: `${ports[kind]}` }));
      await Promise.all(kinds.map((kind) => programOf(kind).says(/is running\.[\s\S]+\n {2}\S.*\n/)));
    },
    stop: (...kinds) => Promise.all(kinds.map((kind) => end(kind, "SIGINT"))),
    says: (kind, pattern) => programOf(kind).says(pattern),
    health: async (kind) => {
      const [, at = ""] = await programOf(kind).says(/health\s+(http:\S+)\/ready/);
      const [live, ready] = await Promise.all([fetch(`${at}/live`), fetch(`${at}/ready`)]);
      const { parts } = (await ready.json()) as { readonly parts: Settings };
      return { live: live.status, ready: ready.status, parts };
    },
    matinee: (args, over = {}) => runProgram("matinee", { ...settings, ...over }, ...args).ended(),
    viewer: () => newViewer(() => origin),
    close,
    [Symbol.asyncDispose]: close,
  };
};

/** Until the parts of a process are as wanted. */
export const becomes = (several: Several, kind: Exclude<Kind, "sandbox">, wanted: Settings): Promise<void> =>
  until(`${kind} has ${JSON.stringify(wanted)}`, async () => {
    const { parts } = await several.health(kind);
    return Object.entries(wanted).every(([part, is]) => parts[part] === is);
  });
