import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { natsHouse } from "../../support/nats-house.ts";
import { hasOwnNats, type OwnNats, ownNats } from "../../support/own-nats.ts";
import { until } from "../../support/until.ts";

/** What a client of its own sees of what others ask of JetStream. */
const asked = async (server: OwnNats) => {
  const client = await server.client();
  const seen = new Map<string, number>();
  client.subscribe("$JS.API.STREAM.>", {
    callback: (_, { subject }) => void (seen.has(subject) || seen.set(subject, performance.now())),
  });
  await client.flush();
  return { seen, close: () => client.close() };
};

describe.skipIf(!hasOwnNats)("streams that a server had, over another connection", () => {
  let server: OwnNats;
  beforeAll(async () => {
    server = await ownNats();
  });
  afterAll(() => server.destroy());

  // A server of 2.9 that is still busy with deleting takes nothing for a stream of the same name that is made meanwhile.
  test("are not made anew at once: they may be deleted at this very moment", async () => {
    const house = await natsHouse(server.url);
    expect(house.isReady()).toBe(true);
    await server.kill();
    server.wipe();
    await server.start();
    const { seen, close } = await asked(server);
    await until("they are made", () => seen.has("$JS.API.STREAM.CREATE.BILLING_COMMANDS"));
    const lookedAt = seen.get("$JS.API.STREAM.INFO.BILLING_COMMANDS") ?? Number.NaN;
    const madeAt = seen.get("$JS.API.STREAM.CREATE.BILLING_COMMANDS") ?? Number.NaN;
    expect(madeAt - lookedAt).toBeGreaterThan(900);
    await close();
    await house.close();
  }, 20_000);
});
