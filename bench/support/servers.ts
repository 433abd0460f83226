import { type OwnNats, ownNats } from "../../test/support/own-nats.ts";
import { type OwnRedis, ownRedis } from "../../test/support/own-redis.ts";

/** What the streams of one half may take on the disk. */
const MOST_FILE_BYTES = 1024 * 1024 * 1024;

const running = new Set<OwnNats | OwnRedis>();
// A run that is broken off leaves nothing behind: no files while its databases are being dropped, and in any case no server.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void endAllServers());
process.on("exit", () => {
  for (const server of running) void server.kill();
});

/** A NATS server of the half's own, whose streams nobody has used: messages of two copies of a database have the same names. */
export const openNatsServer = (): Promise<OwnNats> => kept(ownNats({ mostFileBytes: MOST_FILE_BYTES }));
export const openRedisServer = (): Promise<OwnRedis> => kept(ownRedis());

const kept = async <S extends OwnNats | OwnRedis>(starting: Promise<S>): Promise<S> => {
  const server = await starting;
  running.add(server);
  return server;
};

export const endServer = async (server: OwnNats | OwnRedis): Promise<void> => {
  running.delete(server);
  await server.destroy();
};
/** Ends whatever a goal that broke off has left running. */
export const endAllServers = async (): Promise<void> => {
  for (const server of running) await endServer(server);
};

export const withNats = async <T>(run: (nats: OwnNats) => Promise<T>): Promise<T> => {
  const nats = await openNatsServer();
  try {
    return await run(nats);
  } finally {
    await endServer(nats);
  }
};
