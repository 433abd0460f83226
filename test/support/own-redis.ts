import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { freePort } from "./free-port.ts";
import { until } from "./until.ts";

/** A Redis server of a test's own, which it may flush, freeze and kill. It keeps nothing on disk: a new start is empty. */
export type OwnRedis = {
  readonly url: string;
  start(): Promise<void>;
  /** As a crash. */
  kill(): Promise<void>;
  /** The server stands still, as on a machine that hangs; connections stay open. */
  freeze(): void;
  thaw(): void;
  flush(): Promise<void>;
  /** Ends the server and drops its files. */
  destroy(): Promise<void>;
};

const PROGRAM = Bun.which("redis-server");

/** Whether the program of a server is here. Where services are required its absence fails; else skipped by name. */
export const hasOwnRedis = PROGRAM !== null;
if (!hasOwnRedis && process.env["REQUIRE_SERVICES"] === "1") {
  throw new Error("REQUIRE_SERVICES=1, but redis-server is not on PATH");
}

export const ownRedis = async (): Promise<OwnRedis> => {
  const home = mkdtempSync(join(tmpdir(), "matinee-redis-"));
  const port = freePort();
  const url = `redis://127.0.0.1:${port}`;
  let server: Bun.Subprocess | null = null;

  const start = async (): Promise<void> => {
    const settings = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", home, "--save", "", "--appendonly", "no"];
    server = Bun.spawn([PROGRAM ?? "", ...settings], { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
    await until("the server answers", () => answers(url));
  };
  const kill = async (): Promise<void> => {
    server?.kill("SIGKILL");
    await server?.exited;
  };
  await start();
  return {
    url,
    start,
    kill,
    freeze: () => server?.kill("SIGSTOP"),
    thaw: () => server?.kill("SIGCONT"),
    flush: () => onRedis(url, async (redis) => void (await redis.flushall())),
    destroy: async () => {
      await kill();
      rmSync(home, { recursive: true });
    },
  };
};

/** The server that tests may share: each uses keys of its own and drops them. */
export const REDIS = process.env["TEST_REDIS_URL"] ?? "redis://127.0.0.1:6379";

const answers = async (url: string): Promise<boolean> =>
  onRedis(url, async (redis) => (await redis.ping()) === "PONG").catch(() => false);

/** Whether a real Redis answers. Where services are required its absence fails; else its suites are skipped by name. */
export const hasRedis = await answers(REDIS);
if (!hasRedis && process.env["REQUIRE_SERVICES"] === "1") {
  throw new Error("REQUIRE_SERVICES=1, but no Redis answers at TEST_REDIS_URL");
}

/** A prefix that nobody else has; whoever asks for one has `dropKeys` drop all when its file has ended. */
export const freshPrefix = (): string => {
  const prefix = `matinee-test-${crypto.randomUUID()}`;
  made.add(prefix);
  return prefix;
};
/** For `afterAll` of a file: a hook that this module set itself would be the first file's only. */
export const dropKeys = (): Promise<void> =>
  onRedis(REDIS, async (redis) => {
    for (const prefix of made) {
      for await (const keys of redis.scanStream({ match: `${prefix}:*`, count: 1000 })) {
        if (keys.length > 0) await redis.unlink(...keys);
      }
    }
    made.clear();
  });

const made = new Set<string>();
async function onRedis<T>(url: string, act: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  // What is wrong is told by the rejected command.
  redis.on("error", () => undefined);
  try {
    await redis.connect();
    return await act(redis);
  } finally {
    redis.disconnect();
  }
}
