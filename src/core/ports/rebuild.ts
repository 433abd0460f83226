import type { DomainEvent } from "../billing/domain.ts";
import type { Row, TableName } from "../billing/read-model.ts";
import type { StreamName } from "../billing/stream.ts";
import type { Result } from "../result.ts";
import type { StorageFault } from "./storage.ts";

/** How rows follow from the events of one stream. The core's own: fold, then project. */
export type RowsOf = (stream: StreamName, events: readonly DomainEvent[]) => readonly Row[];

/** Makes every projection again from events, beside the live ones, compares, and swaps only when told to. */
export interface Rebuild {
  /**
   * Locks out writers for its duration. `check`: compares and leaves the live rows; `replace`: the rebuilt rows become live.
   * @param onProgress called now and then with streams done and their number
   */
  rebuild(
    mode: "check" | "replace",
    rowsOf: RowsOf,
    onProgress: (done: number, all: number) => void,
  ): Promise<Result<RebuildReport, StorageFault>>;
}

export type RebuildReport = {
  readonly events: number;
  readonly streams: number;
  /** Rows per table that differ between live and rebuilt: empty when all are identical. At most 100 are named. */
  readonly differences: readonly {
    readonly table: TableName;
    readonly key: string;
    readonly how: "missing" | "extra" | "differs";
  }[];
  readonly identical: boolean;
};
