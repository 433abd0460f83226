import { join } from "node:path";
import { until } from "../../support/until.ts";

export type Kind = "api" | "consumer" | "cron" | "sandbox";

/** One process of Matinee, which may be struck, and starts again on the same port. */
export type Node = {
  readonly kind: Kind;
  /** As in "api 1". */
  readonly name: string;
  readonly port: number;
  readonly url: string;
  /** Answers when it serves. */
  start(): Promise<void>;
  /** As a crash. */
  kill(): Promise<void>;
  /** It stands still, as on a machine that hangs; connections stay open. */
  freeze(): void;
  thaw(): void;
  signal(signal: NodeJS.Signals): void;
  /** Its clock jumps, and stays that far off until it is told otherwise; a new start has the right time. */
  stepClock(offsetMs: number): Promise<void>;
  isAlive(): boolean;
  /** @returns null: a signal has ended it */
  exited(): Promise<number | null>;
  /** All that it has ever said of faults: lines of its log, what went to its standard error, ends that nobody asked for. */
  complaints(): readonly string[];
};

const SOURCE = new URL("../../../src/entrypoints", import.meta.url).pathname;
const CLOCK = new URL("stepped-clock.ts", import.meta.url).pathname;
const STARTS_MS = 30_000;

export const nodeOf = (
  kind: Kind,
  number: number,
  port: number,
  folder: string,
  env: Readonly<Record<string, string>>,
): Node => {
  const name = `${kind} ${number}`;
  const url = `http://127.0.0.1:${port}`;
  const clock = join(folder, `clock-${kind}-${number}`);
  const complaints: string[] = [];
  let child: Bun.Subprocess<"ignore", "pipe", "pipe"> | null = null;
  /** Whoever ends it says so before. */
  let isEnding = false;

  const listen = async (heard: NonNullable<typeof child>): Promise<void> => {
    const [errors] = await Promise.all([new Response(heard.stderr).text(), hear(heard.stdout, complaints, name)]);
    if (errors !== "") complaints.push(`${name}: ${errors}`);
    const exitCode = await heard.exited;
    if (child === heard && !isEnding) complaints.push(`${name} ended by itself with ${exitCode}`);
  };
  const serves = async (): Promise<boolean> => {
    if (child?.exitCode !== null) throw new Error(`${name} did not start: ${complaints.join("\n")}`);
    const path = kind === "sandbox" ? "/sandbox/cloudpayments/" : "/health/live";
    return fetch(`${url}${path}`, { signal: AbortSignal.timeout(1000) }).then(
      ({ ok }) => ok,
      () => false,
    );
  };
  return {
    kind,
    name,
    port,
    url,
    start: async () => {
      await Bun.write(clock, "0");
      isEnding = false;
      child = Bun.spawn([process.execPath, "--preload", CLOCK, join(SOURCE, `${kind}.ts`)], {
        env: { PATH: process.env["PATH"] ?? "", ...env, PORT: String(port), CLOCK_FILE: clock },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      void listen(child);
      await until(`${name} serves`, serves, STARTS_MS);
    },
    kill: async () => {
      isEnding = true;
      child?.kill("SIGKILL");
      await child?.exited;
    },
    freeze: () => child?.kill("SIGSTOP"),
    thaw: () => child?.kill("SIGCONT"),
    signal: (signal) => {
      isEnding = true;
      child?.kill(signal);
    },
    stepClock: async (offsetMs) => {
      await Bun.write(clock, String(offsetMs));
      child?.kill("SIGUSR2");
    },
    isAlive: () => child !== null && child.exitCode === null && child.signalCode === null,
    exited: async () => {
      await child?.exited;
      return child?.exitCode ?? null;
    },
    complaints: () => complaints,
  };
};

/** Lines of the log that tell of a fault. What a process prints of itself is no log. */
const hear = async (out: ReadableStream<Uint8Array>, complaints: string[], name: string): Promise<void> => {
  const decoder = new TextDecoder();
  let left = "";
  for await (const chunk of out) {
    const lines = (left + decoder.decode(chunk, { stream: true })).split("\n");
    left = lines.pop() ?? "";
    complaints.push(...lines.filter((line) => line.startsWith("{")).map((line) => `${name}: ${line}`));
  }
};
