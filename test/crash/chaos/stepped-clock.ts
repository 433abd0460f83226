import { readFileSync } from "node:fs";

// Loaded before a process of Matinee: the machine's clock cannot be moved by a test, so the process's own view of it is.
const realNow = Date.now;
let offsetMs = 0;

process.on("SIGUSR2", () => {
  offsetMs = Number(readFileSync(process.env["CLOCK_FILE"] ?? "", "utf8"));
});

Date.now = () => realNow() + offsetMs;
globalThis.Date = new Proxy(Date, {
  construct: (real, args: readonly unknown[], as: typeof Date) =>
    Reflect.construct(real, args.length === 0 ? [Date.now()] : args, as) as Date,
});
