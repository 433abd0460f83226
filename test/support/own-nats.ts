import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect as dial } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type NatsConnection } from "nats";
import { freePort } from "./free-port.ts";
import { until } from "./until.ts";

/** A NATS server of a test's own with JetStream, which it may restart, freeze, kill and rob of its files. */
export type OwnNats = {
  readonly url: string;
  start(settings?: NatsSettings): Promise<void>;
  /** Says goodbye to its clients and writes down what it has. */
  stop(): Promise<void>;
  /** As a crash. */
  kill(): Promise<void>;
  /** The server stands still, as on a machine that hangs; connections stay open. */
  freeze(): void;
  thaw(): void;
  /** Drops all streams, as a lost disk does. Only while the server is down. */
  wipe(): void;
  /** A client of the library as others use it; the server's end or the test's ends it. */
  client(options?: { readonly user: string; readonly pass: string }): Promise<NatsConnection>;
  /** Ends the server and drops its files. */
  destroy(): Promise<void>;
};
export type NatsSettings = {
  /** What its disk holds, for those who want to fill it. */
  readonly mostFileBytes?: number;
  /** Further lines of its configuration, as for users and what each may do. */
  readonly config?: string;
};

const PROGRAM = Bun.which("nats-server");

/** Whether the program of a server is here. Where services are required its absence fails; else skipped by name. */
export const hasOwnNats = PROGRAM !== null;
if (!hasOwnNats && process.env["REQUIRE_SERVICES"] === "1") {
  throw new Error("REQUIRE_SERVICES=1, but nats-server is not on PATH");
}

export const ownNats = async (settings: NatsSettings = {}): Promise<OwnNats> => {
  const home = mkdtempSync(join(tmpdir(), "matinee-nats-"));
  const store = join(home, "store");
  const port = freePort();
  const url = `nats://127.0.0.1:${port}`;
  let server: Bun.Subprocess | null = null;

  const start: OwnNats["start"] = async ({ mostFileBytes = 256 * 1024 * 1024, config = "" } = settings) => {
    const lines = [
      `listen: "127.0.0.1:${port}"`,
      `jetstream { store_dir: "${store}", max_memory_store: 67108864, max_file_store: ${mostFileBytes} }`,
      config,
    ];
    const file = join(home, "nats.conf");
    writeFileSync(file, lines.join("\n"));
    const command = [PROGRAM ?? "", "-c", file, "-l", join(home, "log")];
    server = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
    await until("the server answers", () => answers(url));
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    server?.kill(signal);
    await server?.exited;
  };
  await start();
  return {
    url,
    start,
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
    freeze: () => server?.kill("SIGSTOP"),
    thaw: () => server?.kill("SIGCONT"),
    wipe: () => rmSync(store, { recursive: true, force: true }),
    client: (options = { user: "", pass: "" }) =>
      connect({ servers: url, reconnect: false, ...(options.user === "" ? {} : options) }),
    destroy: async () => {
      await end("SIGKILL");
      rmSync(home, { recursive: true });
    },
  };
};

/** It says who it is before it is asked anything. */
const answers = (url: string): Promise<boolean> =>
  new Promise((resolve) => {
    const { hostname, port } = new URL(url);
    const socket = dial({ host: hostname, port: Number(port) });
    const tell = (holds: boolean): void => {
      socket.destroy();
      resolve(holds);
    };
    socket.once("data", () => tell(true));
    socket.once("error", () => tell(false));
    socket.setTimeout(1000, () => tell(false));
  });
