import type { StorageFault } from "../../core/ports/storage.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { ConnectionLost, SqlError } from "./driver.ts";

/** No room, read-only, shutting down, too many connections, gave way in a deadlock or a lock's wait: try again later. */
const PASSING = /^(08|53|57|58|40|55P03|25006)/;

/** The database, though it answers, will never take this. */
export const isRefusal = (error: unknown): boolean => error instanceof SqlError && !PASSING.test(error.sqlState);

/** A database that does not answer is a fault; a statement that it does not accept is a Bug and thrown on. */
export const faultOf = (error: unknown): StorageFault => {
  if (error instanceof ConnectionLost) return { code: "storage_unavailable", detail: error.message };
  if (error instanceof SqlError && !isRefusal(error)) {
    return { code: "storage_unavailable", detail: `${error.sqlState} ${error.message}` };
  }
  throw error;
};

/** For reads and for writes that may be made twice. */
export const answered = async <T>(run: () => Promise<T>): Promise<Result<T, StorageFault>> => {
  try {
    return ok(await run());
  } catch (error) {
    return err(faultOf(error));
  }
};

/** What gave way in a deadlock is made again: nothing of it stands. */
const DEADLOCK = /^40/;
const TRIES = 3;

export const despiteDeadlocks = async <T>(run: () => Promise<T>): Promise<T> => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof SqlError && DEADLOCK.test(error.sqlState) && tries < TRIES)) throw error;
    }
  }
};
