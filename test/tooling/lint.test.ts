import { afterAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// A guard that never bites guards nothing: planted offences must be found, by name, with the repository's own settings.
const root = new URL("../..", import.meta.url).pathname;
const yard = mkdtempSync(join(tmpdir(), "matinee-lint-"));
for (const file of ["biome.json", ".oxlintrc.json", "tsconfig.json"]) cpSync(join(root, file), join(yard, file));
symlinkSync(join(root, "node_modules"), join(yard, "node_modules"));
mkdirSync(join(yard, "src/core"), { recursive: true });
writeFileSync(join(yard, ".gitignore"), "node_modules\n");
afterAll(() => rmSync(yard, { recursive: true }));

/** Runs a linter's script by this very runtime, so that no other one is needed. */
const lint = (script: string, args: readonly string[]): { readonly failed: boolean; readonly output: string } => {
  const run = Bun.spawnSync([process.execPath, join(root, "node_modules", script), ...args], {
    cwd: yard,
    env: { ...process.env, NO_COLOR: "1" },
  });
  return { failed: run.exitCode !== 0, output: `${run.stdout}${run.stderr}` };
};
const plant = (path: string, text: string): string => {
  writeFileSync(join(yard, path), text);
  return path;
};
const oxlint = (path: string) => lint("oxlint/bin/oxlint", ["--type-aware", path]);
const biome = (path: string) => lint("@biomejs/biome/bin/biome", ["lint", path]);

const SAVE = "const save = async (): Promise<number> => 1;\n";
test.each([
  ["a lost promise", "no-floating-promises", `${SAVE}save();\nexport { save };\n`],
  [
    "a lost promise behind a method",
    "no-floating-promises",
    `${SAVE}const store = { commit: save };\nstore.commit();\nexport { store };\n`,
  ],
  [
    "a promise taken for a yes",
    "no-misused-promises",
    `${SAVE}if (save()) throw new Error("always");\nexport { save };\n`,
  ],
])("finds %s", (_, rule, text) => {
  const { failed, output } = oxlint(plant("src/planted.ts", text));
  expect(output).toContain(rule);
  expect(failed).toBe(true);
});

test("lets a promise pass that is waited for", () => {
  expect(oxlint(plant("src/planted.ts", `${SAVE}await save();\nexport { save };\n`))).toMatchObject({ failed: false });
});

test.each([
  ["any", "noExplicitAny", "src/planted.ts", "export const open = (value: any) => value;\n"],
  [
    "an asserted presence",
    "noNonNullAssertion",
    "src/planted.ts",
    "export const first = (all: string[]) => all[0]!;\n",
  ],
  ["a default export", "noDefaultExport", "src/planted.ts", "export default 1;\n"],
  ["the network in the core", "noRestrictedGlobals", "src/core/planted.ts", 'export const ask = () => fetch("/");\n'],
])("finds %s", (_, rule, path, text) => {
  const { failed, output } = biome(plant(path, text));
  expect(output).toContain(rule);
  expect(failed).toBe(true);
});

test("finds a circle of imports", () => {
  plant("src/one.ts", 'import { two } from "./two.ts";\nexport const one = () => two;\n');
  const { failed, output } = biome(
    plant("src/two.ts", 'import { one } from "./one.ts";\nexport const two = () => one;\n'),
  );
  expect(output).toContain("noImportCycles");
  expect(failed).toBe(true);
});
