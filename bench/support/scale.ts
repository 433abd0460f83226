const asked = Number(process.env["BENCH_SCALE"] ?? "1");
/** How much is done in each half, as a multiple of what `bun run bench` does in some ten minutes. */
const SCALE = Number.isFinite(asked) && asked > 0 ? asked : 1;
/** Below 1 it is only tried whether everything runs: one pair, whatever else the machine does. Such figures mean nothing. */
export const IS_TRIAL = SCALE < 1;

/** So many in each half, in whole steps: of 64, so that every number of clients has its equal share. */
export const scaled = (count: number, step = 64, most = Number.POSITIVE_INFINITY): number =>
  Math.min(most, Math.max(1, Math.round((count * SCALE) / step)) * step);
