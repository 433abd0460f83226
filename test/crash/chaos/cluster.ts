import { join } from "node:path";
import { type Balancer, openBalancer } from "../../support/balancer.ts";
import { freePort } from "../../support/free-port.ts";
import { type OwnNats, ownNats } from "../../support/own-nats.ts";
import { type OwnPostgres, ownPostgres } from "../../support/own-postgres.ts";
import { type OwnRedis, ownRedis } from "../../support/own-redis.ts";
import { newFolder } from "../../support/program.ts";
import { type Kind, type Node, nodeOf } from "./node.ts";

/** An installation of a test's own: the servers, two of each process, the sandbox's gateway, and what stands before the API. */
export type Cluster = {
  readonly postgres: OwnPostgres;
  readonly nats: OwnNats;
  readonly redis: OwnRedis;
  readonly balancer: Balancer;
  readonly databaseUrl: string;
  readonly sandboxOrigin: string;
  readonly dataDir: string;
  readonly vaultKey: string;
  /** What the processes were started with. */
  readonly env: Readonly<Record<string, string>>;
  readonly nodes: readonly Node[];
  of(kind: Kind): readonly Node[];
  close(): Promise<void>;
};

/** What the bus may keep on its disk: little, so that a test can fill it. */
const NATS_DISK_BYTES = 64 * 1024 * 1024;

export const openCluster = async (): Promise<Cluster> => {
  const folder = newFolder();
  const [postgres, nats, redis] = await Promise.all([
    ownPostgres(),
    ownNats({ mostFileBytes: NATS_DISK_BYTES }),
    ownRedis(),
  ]);
  const databaseUrl = await postgres.database("matinee");
  const [apiPorts, sandboxPort] = [[freePort(), freePort()], freePort()];
  const balancer = await openBalancer(apiPorts);
  const dataDir = join(folder.path, "data");
  const vaultKey = "5a".repeat(32);
  const sandboxOrigin = `http://127.0.0.1:${sandboxPort}`;
  const env = {
    DATABASE_URL: databaseUrl,
    // Seven processes share a server of sixty connections.
    DATABASE_CONNECTIONS: "4",
    VAULT_KEY: vaultKey,
    NATS_URL: nats.url,
    REDIS_URL: redis.url,
    SANDBOX_URL: sandboxOrigin,
    PUBLIC_URL: balancer.origin,
    DATA_DIR: dataDir,
    LOG_LEVEL: "error",
    // Viewers come from addresses of their own.
    TRUSTED_PROXIES: "127.0.0.0/8,::1",
  };
  const node = (kind: Kind, number: number, port: number): Node => nodeOf(kind, number, port, folder.path, env);
  const nodes = [
    node("sandbox", 1, sandboxPort),
    ...apiPorts.map((port, i) => node("api", i + 1, port)),
    ...(["consumer", "cron"] as const).flatMap((kind) => [1, 2].map((number) => node(kind, number, freePort()))),
  ];
  const close = async (): Promise<void> => {
    for (const one of nodes) one.thaw();
    postgres.thaw();
    await Promise.all(nodes.map((one) => one.kill()));
    await balancer.close();
    await Promise.all([postgres.destroy(), nats.destroy(), redis.destroy()]);
    folder.remove();
  };
  try {
    await Promise.all(nodes.map((one) => one.start()));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    postgres,
    nats,
    redis,
    balancer,
    databaseUrl,
    sandboxOrigin,
    dataDir,
    vaultKey,
    env,
    nodes,
    of: (kind) => nodes.filter((one) => one.kind === kind),
    close,
  };
};
