import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { natsBus } from "../../../src/adapters/nats/bus.ts";
import { type Nats, openNats } from "../../../src/adapters/nats/connection.ts";
import { natsOperator } from "../../../src/adapters/nats/operator.ts";
import { natsServices } from "../../../src/adapters/nats/services.ts";
import { COMMANDS, EVENTS, RINGS } from "../../../src/adapters/nats/streams.ts";
import { factOf, newStream } from "../../contracts/bus.ts";
import { publishAtLast } from "../../support/nats-house.ts";
import { hasOwnNats, type OwnNats, ownNats } from "../../support/own-nats.ts";
import { until } from "../../support/until.ts";

describe.skipIf(!hasOwnNats)("what an operator sees of NATS", () => {
  let server: OwnNats;
  let nats: Nats;
  beforeAll(async () => {
    server = await ownNats();
    nats = await openNats({
      servers: server.url,
      name: "operator",
      log: { info: () => undefined, failed: () => undefined },
    });
  });
  afterAll(async () => {
    await nats.close();
    await server.destroy();
  });

  test("streams, what their consumers have not done yet, and the messages themselves", async () => {
    const operator = natsOperator(nats);
    const bus = natsBus(nats, () => undefined);
    const stream = newStream();
    await publishAtLast(
      bus,
      [1, 2, 3].map((version) => factOf(stream, version)),
    );
    // A hole in the stream: of beats only the last is kept.
    for (let i = 0; i < 3; i += 1) await bus.beat(factOf(stream, 1).recordedAt);
    const client = await server.client();
    await client.jetstream().publish("billing.commands.invoice.issue", "{}");
    await client.close();
    const taking = await natsServices(nats, { onError: () => undefined }).takeCommands(
      async () => ({ status: "later", afterMs: 60_000, because: "not today" }),
      async () => ({ status: "taken" }),
    );

    const streams = await operator.streams();
    expect(streams).toMatchObject({
      ok: true,
      value: [
        { name: EVENTS, messages: 4, firstSeq: 1, lastSeq: 6 },
        { name: COMMANDS, messages: 1 },
        { name: RINGS, messages: 0 },
      ],
    });
    await until("it waits", async () => {
      const lag = await operator.lag();
      return lag.ok && lag.value.some(({ stream: of, ackPending }) => of === COMMANDS && ackPending === 1);
    });
    expect(await operator.lag()).toMatchObject({ ok: true, value: [{ consumer: "updater", pending: 0 }] });

    const seqs = async (count: number, from: "start" | "end") => {
      const peeked = await operator.peek(EVENTS, count, from);
      return peeked.ok ? peeked.value?.map(({ seq }) => seq) : null;
    };
    expect(await seqs(2, "start")).toEqual([1, 2]);
    expect(await seqs(9, "start")).toEqual([1, 2, 3, 6]);
    expect(await seqs(2, "end")).toEqual([3, 6]);
    expect(await seqs(9, "end")).toEqual([1, 2, 3, 6]);
    expect(await operator.peek("NO_SUCH", 1, "end")).toEqual({ ok: true, value: null });
    await taking.stop();
  });

  test("how much of it survives", async () => {
    const durability = await natsOperator(nats).durability();
    expect(durability).toMatchObject({
      ok: true,
      value: { streams: [{ name: EVENTS, storage: "file", replicas: 1 }, { name: COMMANDS }, { storage: "memory" }] },
    });
    const notes = durability.ok ? durability.value.notes : [];
    expect(notes.some((note) => note.includes("power cut"))).toBe(true);
    expect(notes.some((note) => note.startsWith("BILLING_COMMANDS has one copy only"))).toBe(true);
  });
});
