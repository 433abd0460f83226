import { Database, SQLiteError } from "bun:sqlite";
import { existsSync, readFileSync, realpathSync, writeFileSync } from "node:fs";

/** Another process has the folder. Its data would be destroyed if two wrote at once. */
export class FolderInUse extends Error {
  override readonly name = "FolderInUse";
}

/**
 * Takes a folder for this process until it ends, or until the returned function is called. The lock is the kernel's, on a
 * file beside the folder: it is free the moment the process dies, however it dies, and no stale process number can keep
 * anybody out. The number beside it is only for the message.
 */
export const lockFolder = (folder: string): (() => void) => {
  // By another name it is still the same folder.
  const real = existsSync(folder) ? realpathSync(folder) : folder;
  const owner = `${real}.pid`;
  const lock = new Database(`${real}.lock`, { create: true });
  try {
    lock.run("begin exclusive");
  } catch (error) {
    lock.close();
    if (!(error instanceof SQLiteError) || error.code !== "SQLITE_BUSY") throw error;
    throw new FolderInUse(
      `${folder} is in use by ${ownerIn(owner)}. Stop it first, or set DATA_DIR to another folder.`,
    );
  }
  writeFileSync(owner, `${process.pid}\n`);
  return () => lock.close();
};

const ownerIn = (file: string): string => {
  const pid = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
  return pid === "" ? "another process" : `process ${pid}`;
};
