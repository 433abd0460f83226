import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Mutant } from "./bank.ts";

const root = new URL("../..", import.meta.url).pathname;
/** What the suites need, but for the packages. */
const COPIED = ["src", "test", "package.json", "tsconfig.json", "bunfig.toml"];
const DEADLINE_MS = 120_000;

/** A copy of the tree in which one mutant at a time is let loose. */
export type Lab = {
  /** Runs the mutant's suites over it. `caughtBy`: the tests that noticed; empty: it survived. */
  run(mutant: Mutant): Promise<{ readonly caughtBy: readonly string[]; readonly ms: number }>;
  close(): void;
};

export const openLab = (): Lab => {
  const folder = mkdtempSync(join(tmpdir(), "matinee-mutants-"));
  for (const name of COPIED) cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  return {
    run: async (mutant) => {
      const path = join(folder, mutant.file);
      const sound = readFileSync(path, "utf8");
      const startedAt = performance.now();
      writeFileSync(path, mutated(mutant, sound));
      try {
        return { caughtBy: await failures(folder, mutant.suites), ms: performance.now() - startedAt };
      } finally {
        writeFileSync(path, sound);
      }
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
};

/** Null: the place is not there, or not the only one. */
export const placeOf = ({ file, from }: Mutant): string | null => {
  const text = readFileSync(join(root, file), "utf8");
  return text.split(from).length === 2 ? text : null;
};

const mutated = ({ from, to, name }: Mutant, sound: string): string => {
  if (sound.split(from).length !== 2) throw new Error(`not to be placed: ${name}`);
  return sound.replace(from, () => to);
};

/** Names of the failed tests. A suite that does not even load has noticed as well. */
const failures = async (folder: string, suites: readonly string[]): Promise<readonly string[]> => {
  const child = Bun.spawn([process.execPath, "test", "--timeout", "60000", ...suites], {
    cwd: folder,
    stdout: "pipe",
    stderr: "pipe",
    timeout: DEADLINE_MS,
  });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) === 0) return [];
  const failed = [...`${out}\n${err}`.matchAll(/^\(fail\) (.*?)(?: \[[\d.]+ms\])?$/gm)].map(([, name = ""]) => name);
  return failed.length === 0 ? ["the suite does not run"] : [...new Set(failed)];
};
