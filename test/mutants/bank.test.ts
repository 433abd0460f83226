import { afterAll, describe, expect, test } from "bun:test";
import { BANK } from "./bank.ts";
import { openLab, placeOf } from "./lab.ts";

describe("The bank of mutants", () => {
  test.each(BANK.map((mutant) => [mutant.name, mutant] as const))("has a place for: %s", (_, mutant) => {
    expect(placeOf(mutant)).not.toBeNull();
  });

  test("names each mutant once", () => {
    expect(new Set(BANK.map(({ name }) => name)).size).toBe(BANK.length);
  });
});

describe("A defect that others have met is noticed here:", () => {
  const lab = openLab();
  afterAll(lab.close);

  test("and the sound code is not: the harness can tell the two apart", async () => {
    const [mutant] = BANK;
    if (mutant === undefined) throw new Error("the bank holds something");
    expect((await lab.run({ ...mutant, to: mutant.from })).caughtBy).toEqual([]);
  });

  test.each(BANK.map((mutant) => [mutant.name, mutant] as const))("%s", async (_, mutant) => {
    expect((await lab.run(mutant)).caughtBy).not.toEqual([]);
  });
});
