import { afterAll, beforeAll, describe } from "bun:test";
import { natsBus } from "../../src/adapters/nats/bus.ts";
import { openNats } from "../../src/adapters/nats/connection.ts";
import { hasOwnNats, type OwnNats, ownNats } from "../support/own-nats.ts";
import { busContract } from "./bus.ts";

describe.skipIf(!hasOwnNats)("On a server", () => {
  let server: OwnNats;
  beforeAll(async () => {
    server = await ownNats();
  });
  afterAll(() => server.destroy());
  busContract("nats", async () => {
    // What a test before has left behind is not this one's affair.
    await server.kill();
    server.wipe();
    await server.start();
    const log = { info: () => undefined, failed: () => undefined };
    const nats = await openNats({ servers: server.url, name: "contract", log });
    return { ...natsBus(nats, () => undefined), close: nats.close };
  });
});
