import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { postgresJs } from "../../src/adapters/postgres/postgres-js.ts";
import { freePort } from "./free-port.ts";
import { until } from "./until.ts";

/** A PostgreSQL server of a test's own, which it may restart, freeze, kill and have followed. */
export type OwnPostgres = {
  readonly port: number;
  url(database: string): string;
  /** A database of that name, freshly made; the login has all rights. */
  database(name: string): Promise<string>;
  /** `immediate`: as a crash; the server recovers from its log. `fast`: rolls back what runs and says goodbye. */
  restart(mode: "fast" | "immediate"): Promise<void>;
  /** All processes of the server stand still, as on a machine that hangs; connections stay open. */
  freeze(): void;
  thaw(): void;
  /** All processes of the server are gone at once. */
  kill(): Promise<void>;
  /** Another server, made of a copy of this one, which follows all that is written here and takes no writes. */
  standby(): Promise<OwnPostgres>;
  /** From now on a standby is a primary. */
  promote(): Promise<void>;
  /** Ends the server and drops its files. */
  destroy(): Promise<void>;
};

const onPath = Bun.which("pg_ctl");
const VERSIONS = "/usr/lib/postgresql";
const installed = (existsSync(VERSIONS) ? readdirSync(VERSIONS) : [])
  .filter((version) => existsSync(join(VERSIONS, version, "bin/pg_ctl")))
  .sort((a, b) => Number(b) - Number(a))
  .map((version) => join(VERSIONS, version, "bin"));
// Beside the program itself are all others, which need not be on the path.
const BIN = onPath === null ? (installed[0] ?? null) : dirname(realpathSync(onPath));

/** Whether the programs of a server are here. Where services are required their absence fails; else skipped by name. */
export const hasOwnPostgres = BIN !== null;
if (!hasOwnPostgres && process.env["REQUIRE_SERVICES"] === "1") {
  throw new Error("REQUIRE_SERVICES=1, but initdb and pg_ctl are neither on PATH nor in /usr/lib/postgresql/*/bin");
}

export const ownPostgres = async (): Promise<OwnPostgres> => {
  const home = await newHome();
  const initdb = ["initdb", "-D", join(home, "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"];
  await runAsServer([...initdb, "--no-sync"]);
  return started(home);
};

const newHome = async (): Promise<string> => {
  const home = mkdtempSync(join(tmpdir(), "matinee-postgres-"));
  if (process.getuid?.() === 0) await run(["chown", "postgres", home]);
  return home;
};

/** Over what is in the folder already. */
const started = async (home: string): Promise<OwnPostgres> => {
  const data = join(home, "data");
  const port = freePort();
  const settings = `-p ${port} -k ${home} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=60`;
  const server = (...args: string[]): Promise<void> =>
    runAsServer(["pg_ctl", "-D", data, "-l", join(home, "log"), "-o", settings, "-w", "-s", ...args]);
  await server("start");
  let isKilled = false;

  const url = (database: string): string => `postgres://postgres@127.0.0.1:${port}/${database}`;
  const all = (): readonly number[] => {
    const postmaster = Number(readFileSync(join(data, "postmaster.pid"), "utf8").split("\n")[0]);
    return [postmaster, ...childrenOf(postmaster)];
  };
  const signal = (name: NodeJS.Signals): void => {
    for (const pid of all()) sendTo(pid, name);
  };
  return {
    port,
    url,
    database: async (name) => {
      const driver = postgresJs({ url: url("postgres"), max: 1, role: null });
      await driver.query(`create database ${name}`);
      await driver.close();
      return url(name);
    },
    restart: (mode) => server("restart", "-m", mode),
    freeze: () => signal("SIGSTOP"),
    thaw: () => signal("SIGCONT"),
    kill: async () => {
      const pids = all();
      isKilled = true;
      signal("SIGKILL");
      await until("all processes are gone", () => pids.every((pid) => !existsSync(`/proc/${pid}`)));
    },
    standby: async () => {
      const copy = await newHome();
      const from = ["-h", "127.0.0.1", "-p", String(port), "-U", "postgres"];
      await runAsServer(["pg_basebackup", ...from, "-D", join(copy, "data"), "-R", "-c", "fast", "--no-sync"]);
      return started(copy);
    },
    promote: () => server("promote"),
    destroy: async () => {
      // A server that was killed has left memory behind, which the next one on its folder gives back.
      if (isKilled) await server("start");
      await server("stop", "-m", "immediate");
      rmSync(home, { recursive: true });
    },
  };
};

/** The server refuses to run as root. */
const runAsServer = ([program, ...args]: readonly string[]): Promise<void> => {
  const command = [join(BIN ?? "", program ?? ""), ...args];
  if (process.getuid?.() !== 0) return run(command);
  if (Bun.which("setuidgid") !== null) return run(["setuidgid", "postgres", ...command]);
  return run(["runuser", "-u", "postgres", "--", ...command]);
};

const run = async (command: readonly string[]): Promise<void> => {
  // Its streams go nowhere: the server inherits them and would keep a pipe open for ever.
  const program = Bun.spawn([...command], { stdin: "ignore", stdout: "ignore", stderr: "ignore", cwd: "/" });
  const exitCode = await program.exited;
  if (exitCode !== 0) throw new Error(`${command.join(" ")} ended with ${exitCode}`);
};

/** Workers come and go by themselves: one may have gone since it was listed. */
const sendTo = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
};

const childrenOf = (pid: number): readonly number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
