import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Half, waits } from "./rounds.ts";

const DEBIAN = "/usr/lib/postgresql";

/** The program by its path. What is missing is said by name. */
const findPgbench = (): string => {
  const onPath = Bun.which("pgbench");
  if (onPath !== null) return onPath;
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).toSorted((a, b) => Number(b) - Number(a)) : [];
  const found = versions.map((version) => join(DEBIAN, version, "bin", "pgbench")).find((path) => existsSync(path));
  if (found === undefined) {
    throw new Error(`pgbench is missing: neither on PATH nor in ${DEBIAN}/*/bin. It comes with the PostgreSQL server.`);
  }
  return found;
};

/** A second thread drives more than eight clients no slower than one; with fewer it only takes a core from the server. */
const THREADS = 2;

/**
 * Runs a script, each client its share of `transactions`, with prepared statements.
 * In the script `:n` counts the transactions of all clients together.
 * @param settings of its sessions, as `PGOPTIONS` takes them
 */
export const pgbench = async (
  url: string,
  script: string,
  {
    clients,
    transactions,
    from = 0,
    settings,
  }: {
    readonly clients: number;
    readonly transactions: number;
    /** What `:n` begins with. */
    readonly from?: number;
    readonly settings: string;
  },
): Promise<Half> => {
  const folder = mkdtempSync(join(tmpdir(), "matinee-pgbench-"));
  try {
    const file = join(folder, "script.sql");
    writeFileSync(file, `\\set turn :turn + 1\n\\set n :turn * ${clients} + :client_id + ${from}\n${script}`);
    const options = [
      ["-n", "-M", "prepared", "-f", file, "-D", "turn=-1"],
      ["-c", `${clients}`, "-j", `${THREADS}`, "-t", `${transactions / clients}`],
      ["-l", `--log-prefix=${join(folder, "log")}`],
    ].flat();
    const running = Bun.spawn([findPgbench(), ...options, url], {
      stdout: "pipe",
      stderr: "pipe",
      env: { ...process.env, PGOPTIONS: settings },
    });
    const [told, complaints, status] = await Promise.all([
      new Response(running.stdout).text(),
      new Response(running.stderr).text(),
      running.exited,
    ]);
    const done = /number of transactions actually processed: (\d+)\/(\d+)/.exec(told);
    const tps = /tps = ([\d.]+) \(without initial connection time\)/.exec(told);
    if (status !== 0 || done === null || tps === null || done[1] !== done[2]) {
      throw new Error(`pgbench failed: ${complaints}${told}`);
    }
    return { perSecond: Number(tps[1]), ...waits(latenciesIn(folder)) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** Its transaction log holds a line each: client, transaction, microseconds, ... */
const latenciesIn = (folder: string): Float64Array => {
  const lines = readdirSync(folder)
    .filter((name) => name.startsWith("log"))
    .flatMap((name) => readFileSync(join(folder, name), "utf8").trim().split("\n"));
  return Float64Array.from(lines, (line) => Number(line.split(" ")[2]) / 1000);
};

/**
 * A statement as pgbench reads it.
 * @param variable what stands for the parameter of this number
 * @param answer where its one row goes, column by column; null: nowhere
 */
export const asScript = (text: string, variable: (number: number) => string, answer: string | null): string => {
  const filled = text.replace(/\$(\d+)/g, (_, number: string) => variable(Number(number)));
  return answer === null ? `${filled};\n` : `${filled} \\gset ${answer}\n`;
};
