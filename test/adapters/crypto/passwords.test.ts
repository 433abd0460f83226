import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { argon2Passwords } from "../../../src/adapters/crypto/passwords.ts";
import type { Hashing } from "../../../src/core/ports/passwords.ts";

setDefaultTimeout(60_000);
const PASSWORD = "correct horse battery staple";
const passwords = argon2Passwords({ concurrency: 2, queue: 8 });
const done = <T>(hashing: Hashing<T>): T => {
  if (!hashing.ok) throw new Error("hashing was busy");
  return hashing.value;
};
const weaker = (memoryCost: number, timeCost: number): Promise<string> =>
  Bun.password.hash(PASSWORD, { algorithm: "argon2id", memoryCost, timeCost });

describe("a password", () => {
  test("is hashed by argon2id with 19 MiB, two passes and a salt of its own", async () => {
    const [one, two] = [done(await passwords.hash(PASSWORD)), done(await passwords.hash(PASSWORD))];
    for (const hash of [one, two]) expect(hash).toStartWith("$argon2id$v=19$m=19456,t=2,p=1$");
    expect(one).not.toBe(two);
    expect(one).not.toContain(PASSWORD);
  });

  test("is right as it was typed and in no other way", async () => {
    const hash = done(await passwords.hash(PASSWORD));
    expect(done(await passwords.verify(PASSWORD, hash))).toBe("right");
    for (const other of ["", PASSWORD.toUpperCase(), `${PASSWORD} `, PASSWORD.slice(0, -1), `${PASSWORD}\0`])
      expect(done(await passwords.verify(other, hash))).toBe("wrong");
  });

  test.each([
    ["128 films", "🎬".repeat(128)],
    ["a NUL", `${PASSWORD}\0a`],
    ["an accent written apart", "rene\u0301".repeat(4)],
    ["spaces", " ".repeat(15)],
  ])("counts to its last character: %s", async (_, password) => {
    const hash = done(await passwords.hash(password));
    expect(done(await passwords.verify(password, hash))).toBe("right");
    expect(done(await passwords.verify(`${password.slice(0, -2)}x`, hash))).toBe("wrong");
  });

  test.each([
    [19_456, 1],
    [8192, 2],
  ])("hashed with %i KiB and %i passes is right and outdated, or wrong", async (memory, passes) => {
    const hash = await weaker(memory, passes);
    expect(done(await passwords.verify(PASSWORD, hash))).toBe("outdated");
    expect(done(await passwords.verify("another", hash))).toBe("wrong");
  });

  test("hashed more strongly than today's is right", async () => {
    expect(done(await passwords.verify(PASSWORD, await weaker(20_480, 3)))).toBe("right");
  });

  test("of nobody is wrong, and takes as long as anybody's", async () => {
    const hash = done(await passwords.hash(PASSWORD));
    const tookOf = async (run: () => Promise<Hashing<string>>): Promise<number> => {
      const from = performance.now();
      expect(done(await run())).toBe("wrong");
      return performance.now() - from;
    };
    const took = { nobody: 0, somebody: 0 };
    // In turns, so that what else the machine does falls on both.
    for (let round = 0; round < 15; round += 1) {
      took.nobody += await tookOf(() => passwords.verifyNobody(PASSWORD));
      took.somebody += await tookOf(() => passwords.verify("another password", hash));
    }
    expect(took.nobody / took.somebody).toBeGreaterThan(0.5);
    expect(took.nobody / took.somebody).toBeLessThan(2);
  });
});

describe("hashing", () => {
  test("beyond those at work and those that may wait is refused at once, and accepted when there is room again", async () => {
    const narrow = argon2Passwords({ concurrency: 1, queue: 2 });
    const answers = await Promise.all(Array.from({ length: 6 }, () => narrow.hash(PASSWORD)));
    expect(answers.map(({ ok }) => ok)).toEqual([true, true, true, false, false, false]);
    for (const answer of answers.slice(3))
      expect(answer).toEqual({ ok: false, error: { code: "busy", retryAfterMs: 1000 } });
    expect((await narrow.verifyNobody(PASSWORD)).ok).toBe(true);
  });

  test("that fails gives its place to the next", async () => {
    const narrow = argon2Passwords({ concurrency: 1, queue: 1 });
    for (let i = 0; i < 3; i += 1) {
      const [failed, next] = await Promise.all([
        narrow.verify(PASSWORD, "no hash at all").catch((error: unknown) => error),
        narrow.hash(PASSWORD),
      ]);
      expect(failed).toBeInstanceOf(Error);
      expect(next.ok).toBe(true);
    }
  });

  test("goes by turns: who came first is served first", async () => {
    const narrow = argon2Passwords({ concurrency: 1, queue: 5 });
    const served: number[] = [];
    const ask = async (n: number): Promise<void> => {
      await narrow.hash(PASSWORD);
      served.push(n);
    };
    await Promise.all([1, 2, 3, 4, 5].map(ask));
    expect(served).toEqual([1, 2, 3, 4, 5]);
  });
});
