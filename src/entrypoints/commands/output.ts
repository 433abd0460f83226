import type { Answer } from "../operator.ts";

/** What a command of the command line says and how it ends. What was asked for goes to stdout, all else to stderr. */
export const print = (line: string): void => void process.stdout.write(`${line}\n`);
export const printJson = (value: unknown): void => print(JSON.stringify(value));

/** Rows under their heads, in columns; one sentence where there is none. */
export const printTable = (
  heads: readonly string[],
  rows: readonly (readonly (string | number | null)[])[],
  none: string,
): void => {
  if (rows.length === 0) return print(none);
  const cells = [heads, ...rows.map((row) => row.map((cell) => `${cell ?? "-"}`))];
  const widths = heads.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  for (const row of cells)
    print(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    );
};

/** Exit code 1: it was asked for and not done. */
export const fail = (message: string): void => {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
};

export const tell = (answer: Answer): void =>
  answer.ok ? printJson(answer.value) : fail(`Refused: ${answer.code} ${answer.detail}`);

/** Reads the value of an option. */
export const wholeNumber =
  (option: string) =>
  (text: string): number => {
    if (!/^[1-9]\d{0,3}$/.test(text)) throw new Error(`${option} is a whole number from 1 to 9999`);
    return Number(text);
  };
