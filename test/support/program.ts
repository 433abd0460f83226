import { expect } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = new URL("../..", import.meta.url).pathname;
/** Long enough for a first start on a loaded machine; a program that takes longer has hung, and is killed. */
const DEADLINE_MS = 60_000;
/** Those that serve all tests of a file. */
const LONG_LIVED: ReadonlySet<Entrypoint> = new Set(["api", "consumer", "cron", "sandbox"]);
const LONG_LIVED_MS = 120_000;

export type Ended = { readonly out: string; readonly err: string; readonly exitCode: number | null };

export type Entrypoint = "api" | "consumer" | "cron" | "demo" | "matinee" | "sandbox" | "standalone";
export type Program = ReturnType<typeof runProgram>;

/** One of our programs in a process of its own, with no setting but those given. */
export const runProgram = (
  entrypoint: Entrypoint,
  env: Readonly<Record<string, string>>,
  ...args: readonly string[]
) => {
  const child = Bun.spawn([process.execPath, join(root, `src/entrypoints/${entrypoint}.ts`), ...args], {
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdout: "pipe",
    stderr: "pipe",
    timeout: LONG_LIVED.has(entrypoint) ? LONG_LIVED_MS : DEADLINE_MS,
  });
  let out = "";
  let heard = Promise.withResolvers<void>();
  let hasEnded = false;
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of child.stdout) {
      out += decoder.decode(chunk, { stream: true });
      heard.resolve();
      heard = Promise.withResolvers();
    }
    hasEnded = true;
    heard.resolve();
  })();
  const complaints = new Response(child.stderr).text();

  return {
    signal: (signal: NodeJS.Signals) => child.kill(signal),
    ended: async (): Promise<Ended> => {
      await reading;
      return { out, err: await complaints, exitCode: await child.exited };
    },
    /** Waits until the program has printed this; a program that ends before it fails the test. */
    says: async (pattern: RegExp): Promise<RegExpExecArray> => {
      for (;;) {
        const found = pattern.exec(out);
        if (found !== null) return found;
        const more = heard.promise;
        await Promise.race([more, reading]);
        const last = pattern.exec(out);
        if (last !== null) return last;
        if (hasEnded) throw new Error(`ended: ${out}${await complaints}`);
      }
    },
    /** A test that fails leaves no program behind. */
    [Symbol.asyncDispose]: async (): Promise<void> => {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
};

/** A folder of one test's own. */
export const newFolder = (): { readonly path: string; remove(): void } => {
  const path = mkdtempSync(join(tmpdir(), "matinee-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
};

/** How a program ends that cannot do what it was asked for: it says in a sentence what to set, without a stack or a password. */
export const expectSentence = ({ out, err, exitCode }: Ended, names: string, code = 1): void => {
  expect({ out, exitCode }).toEqual({ out: "", exitCode: code });
  expect(err).toContain(names);
  expect(err).not.toMatch(/^\s+at |hunter2/m);
};
