/** How much is done in each half, as a multiple of what `bun run bench` does in a few minutes. */
export const SCALE = Math.max(1, Math.floor(Number(process.env["BENCH_SCALE"] ?? "1")));
