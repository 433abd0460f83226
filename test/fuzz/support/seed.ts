/** `LONG=1` asks some fifty times as often. */
export const LONG = process.env["LONG"] === "1";

/** Chosen anew for each run, and printed with it; `FUZZ_SEED` plays a run again. */
export const SEED = Number(process.env["FUZZ_SEED"] ?? crypto.getRandomValues(new Int32Array(1))[0]);

export const say = (line: string): boolean => process.stdout.write(`${line}\n`);
