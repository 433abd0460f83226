import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What the writer has told so far. */
export type Said = {
  readonly open: boolean;
  readonly found: ReadonlyMap<number, "whole" | "absent" | "half">;
  readonly signed: readonly number[];
};

/** The writer on a folder, in a process of its own. See writer.ts. */
export const writing = (folder: string, from = 0, to = 0) => {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "writer.ts"), folder, `${from}`, `${to}`], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
  const found = new Map<number, "whole" | "absent" | "half">();
  const signed: number[] = [];
  let isOpen = false;
  let heard = Promise.withResolvers<void>();
  const listen = (line: string): void => {
    const [word, n] = line.split(" ");
    if (word === "open") isOpen = true;
    else if (word === "signed") signed.push(Number(n));
    else if (word === "whole" || word === "absent" || word === "half") found.set(Number(n), word);
  };
  const reading = (async () => {
    let rest = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      lines.forEach(listen);
      heard.resolve();
      heard = Promise.withResolvers();
    }
    heard.resolve();
  })();
  const complaints = new Response(child.stderr).text();

  return {
    pid: child.pid,
    /** Waits until it has said so; one that ends before fails the test. */
    until: async (enough: (said: Said) => boolean): Promise<Said> => {
      for (;;) {
        const said = { open: isOpen, found, signed };
        if (enough(said)) return said;
        if (child.exitCode !== null || child.signalCode !== null) throw new Error(`ended: ${await complaints}`);
        await Promise.race([heard.promise, child.exited]);
      }
    },
    /** `kill -9`: nothing of it runs any more. What it had said before counts, also what nobody had read yet. */
    kill: async (): Promise<Said> => {
      child.kill("SIGKILL");
      await child.exited;
      await reading;
      return { open: isOpen, found, signed };
    },
    /** Lets it end by itself. */
    finish: async (): Promise<Said & { readonly exitCode: number | null; readonly complaints: string }> => {
      void child.stdin.end();
      await child.exited;
      await reading;
      return { open: isOpen, found, signed, exitCode: child.exitCode, complaints: await complaints };
    },
  };
};

/** A place for a folder of one test's own, which is not there yet. */
export const newPlace = (): { readonly folder: string; remove(): void } => {
  const home = mkdtempSync(join(tmpdir(), "matinee-crash-"));
  return { folder: join(home, "postgres"), remove: () => rmSync(home, { recursive: true, force: true }) };
};
