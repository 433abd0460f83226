import { type Running, type Settings, STANDALONE, start } from "./processes.ts";

/** Starts the whole of Matinee, until it says that it can do its work. */
export const startReady = async (
  settings: Settings,
  options: readonly string[] = [],
): Promise<Running & { readonly readyAfterMs: number }> => {
  const startedAt = performance.now();
  const running = await start(STANDALONE, settings, { options });
  while (!(await fetch(`http://127.0.0.1:${running.port}/health/ready`)).ok) await Bun.sleep(1);
  return { ...running, readyAfterMs: performance.now() - startedAt };
};

/** Everything embedded, in a folder of its own. */
export const embedded = (folder: string): Settings => ({ PORT: "0", DATA_DIR: folder, LOG_LEVEL: "warn" });
