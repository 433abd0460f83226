import { SingleBar } from "cli-progress";

export type Progress = { show(done: number, all: number): void; end(): void };
const PRINT_EACH_MS = 5000;

/** A bar on a terminal; elsewhere a line each 5 seconds, and one at the end. On stderr: what is asked for goes to stdout. */
export const progressOf = (name: string): Progress => (process.stderr.isTTY ? bar(name) : lines(name));

const bar = (name: string): Progress => {
  const drawn = new SingleBar({
    format: `${name} [{bar}] {percentage}% {value}/{total} streams, {eta_formatted} left`,
    stream: process.stderr,
  });
  let started = false;
  return {
    show: (done, all) => {
      if (!started) drawn.start(all, done);
      started = true;
      drawn.update(done);
    },
    end: () => drawn.stop(),
  };
};

const lines = (name: string): Progress => {
  let last = "";
  let printedAt = performance.now();
  const print = (): void => {
    if (last !== "") process.stderr.write(`${last}\n`);
    printedAt = performance.now();
  };
  return {
    show: (done, all) => {
      last = `${name}: ${done} of ${all} streams`;
      if (performance.now() - printedAt >= PRINT_EACH_MS) print();
    },
    end: print,
  };
};
