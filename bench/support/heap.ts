import { heapStats } from "bun:jsc";
import { writeFileSync } from "node:fs";

// Loaded before a program of ours that is measured: on SIGUSR2 it collects its garbage and tells what is left.
process.on("SIGUSR2", () => {
  Bun.gc(true);
  writeFileSync(process.env["BENCH_HEAP_FILE"] ?? "", `${heapStats().heapSize}\n`);
});
