import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { hasOwnNats, type OwnNats, ownNats } from "../support/own-nats.ts";
import { hasOwnRedis, type OwnRedis, ownRedis } from "../support/own-redis.ts";
import { type Ended, expectSentence, newFolder, runProgram } from "../support/program.ts";
import { dropDatabases, freshDatabase, hasPostgres } from "../support/services.ts";
import { becomes, openSeveral, type Several } from "../support/several.ts";
import { until } from "../support/until.ts";

const PARTS = ["api", "consumer", "cron"] as const;
const DATABASE = { DATABASE_URL: "postgres://app:hunter2@127.0.0.1:1/matinee", VAULT_KEY: "0f".repeat(32) };

const tellsTheStory = async (origin: string, sandboxUrl: string): Promise<void> => {
  const { out, err, exitCode } = await runProgram("demo", { SANDBOX_URL: sandboxUrl }, origin).ended();
  expect({ err, exitCode }).toEqual({ err: "", exitCode: 0 });
  expect(out).toContain("All as it should be: 11 steps, 10 events.");
};

test("each names all at once what several processes must share, and ends with 78", async () => {
  await Promise.all(
    PARTS.map(async (part) => {
      const bare = await runProgram(part, {}).ended();
      expectSentence(bare, `${part} is one process of several`, 78);
      expectSentence(bare, "DATABASE_URL: the processes share one database", 78);
      expectSentence(bare, "SANDBOX_URL: ", 78);
      const half = await runProgram(part, DATABASE).ended();
      expectSentence(half, "SANDBOX_URL: ", 78);
      expect(half.err).not.toContain("DATABASE_URL: ");
    }),
  );
});

test("each tells in a sentence that the database does not answer, without its password", async () => {
  const settings = { ...DATABASE, SANDBOX_URL: "http://localhost:1" };
  for (const ended of await Promise.all(PARTS.map((part) => runProgram(part, settings).ended())))
    expectSentence(ended, "correct DATABASE_URL");
});

describe.skipIf(!hasPostgres || !hasOwnNats || !hasOwnRedis)("Matinee as several processes", () => {
  let nats: OwnNats;
  let redis: OwnRedis;
  beforeAll(async () => {
    [nats, redis] = await Promise.all([ownNats(), ownRedis()]);
  });
  afterAll(async () => {
    await Promise.all([nats.destroy(), redis.destroy()]);
    await dropDatabases();
  });
  const inHouse = async (
    servers: { readonly natsUrl?: string; readonly redisUrl?: string },
    act: (several: Several) => Promise<void>,
  ): Promise<void> => {
    await using several = openSeveral({ databaseUrl: await freshDatabase(), ...servers });
    await several.start("sandbox", ...PARTS);
    await act(several);
    for (const ended of await several.stop(...PARTS, "sandbox")) expectQuiet(ended);
  };

  const MIXES = [
    { bus: "embedded", tasks: "embedded" },
    { bus: "ready", tasks: "embedded" },
    { bus: "embedded", tasks: "ready" },
  ] as const;
  // All at once: without NATS every step waits for a sweep.
  test("with or without NATS, with or without Redis each is ready and says what it uses, and the whole story goes well", async () => {
    const alone = async ({ bus, tasks }: (typeof MIXES)[number]): Promise<void> => {
      const servers = {
        ...(bus === "ready" ? { natsUrl: nats.url } : {}),
        ...(tasks === "ready" ? { redisUrl: redis.url } : {}),
      };
      await inHouse(servers, async (several) => {
        for (const part of PARTS) {
          await several.says(part, bus === "ready" ? /NATS JetStream at NATS_URL/ : /set NATS_URL/);
          await several.says(part, tasks === "ready" ? /BullMQ on Redis at REDIS_URL/ : /set REDIS_URL/);
          const parts = { storage: "ready", clock: "ready", bus, tasks };
          expect(await several.health(part)).toEqual({ live: 200, ready: 200, parts });
        }
        await tellsTheStory(several.origin, several.sandboxUrl);
      });
    };
    await Promise.all(MIXES.map(alone));
  });

  test("started before NATS and Redis they are ready and serve, and use both when they come", async () => {
    const [late, lateRedis] = await Promise.all([ownNats(), ownRedis()]);
    await Promise.all([late.kill(), lateRedis.kill()]);
    try {
      await inHouse({ natsUrl: late.url, redisUrl: lateRedis.url }, async (several) => {
        for (const part of PARTS) {
          const parts = { storage: "ready", clock: "ready", bus: "away", tasks: "away" };
          expect(await several.health(part)).toEqual({ live: 200, ready: 200, parts });
        }
        const viewer = await several.viewer();
        const { invoiceId } = await viewer.subscribes();
        // The API may not read events and tokens; what it is asked of an invoice's chain it gets all the same.
        expect(await viewer.chain(invoiceId)).toEqual(["InvoiceIssued"]);
        await Promise.all([late.start(), lateRedis.start()]);
        await Promise.all(PARTS.map((part) => becomes(several, part, { bus: "ready", tasks: "ready" })));
        await tellsTheStory(several.origin, several.sandboxUrl);
        await viewer.pays(invoiceId);
        await until("he may watch", async () => {
          await Bun.sleep(100); // A caller is counted.
          return viewer.mayWatch();
        });
      });
    } finally {
      await Promise.all([late.destroy(), lateRedis.destroy()]);
    }
  });

  test("a port that somebody else has is told in a sentence", async () => {
    using taken = Bun.serve({ port: 0, fetch: () => new Response() });
    await using several = openSeveral({ databaseUrl: await freshDatabase() });
    const settings = { ...several.settings, PORT: `${taken.port}` };
    for (const ended of await Promise.all(PARTS.map((part) => runProgram(part, settings).ended())))
      expectSentence(ended, `Port ${taken.port} is in use. Stop what listens there, or set PORT to another one.`);
  });

  test("a sandbox's database is refused by a process with a real gateway", async () => {
    await using several = openSeveral({ databaseUrl: await freshDatabase() });
    await several.start("consumer");
    const real = { CLOUDPAYMENTS_PUBLIC_ID: "pk_1", CLOUDPAYMENTS_API_SECRET: "hunter2", PORT: "0" };
    const { SANDBOX_URL: _, ...settings } = several.settings;
    expectSentence(await runProgram("cron", { ...settings, ...real }).ended(), "This database is a sandbox's");
  });

  test("one process over its embedded database works with NATS and Redis as well", async () => {
    const [own, ownToo, folder] = [await ownNats(), await ownRedis(), newFolder()];
    await using program = runProgram("standalone", {
      DATA_DIR: join(folder.path, "data"),
      PORT: "0",
      LOG_LEVEL: "error",
      NATS_URL: own.url,
      REDIS_URL: ownToo.url,
    });
    const [, origin = ""] = await program.says(/health\s+(http:\S+)\/health\/ready/);
    const ready = await fetch(`${origin}/health/ready`);
    expect(await ready.json()).toEqual({
      status: "ready",
      parts: { storage: "ready", clock: "ready", bus: "ready", tasks: "ready" },
    });
    await tellsTheStory(origin, origin);
    program.signal("SIGINT");
    expectQuiet(await program.ended());
    await Promise.all([own.destroy(), ownToo.destroy()]);
    folder.remove();
  });
});

const expectQuiet = ({ err, exitCode }: Ended): void => expect({ err, exitCode }).toEqual({ err: "", exitCode: 0 });
