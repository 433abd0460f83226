import type { Result } from "../result.ts";
import type { StorageFault } from "./storage.ts";

/** Work that one process at a time does, among all that share a database. */
export interface Leases {
  /**
   * Takes a lease, or prolongs one's own. By the database's wall clock it ends `forMs` after this answer was made, unless its
   * holder prolongs or releases it; then the next who asks has it. A holder whose own clock counts from before the call is
   * never late. Of a fault nothing is known: whoever held the lease before does so until that time is over at most.
   * @param holder names one process and one start of it; whoever uses the same name is the same holder
   * @param forMs above 0
   * @returns whether this holder has it now
   */
  hold(name: string, holder: string, forMs: number): Promise<Result<boolean, StorageFault>>;
  /** Gives a lease up before its time. What another holds stays as it is. */
  release(name: string, holder: string): Promise<Result<null, StorageFault>>;
}
