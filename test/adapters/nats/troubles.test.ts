import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { COMMANDS, EVENTS, RINGS } from "../../../src/adapters/nats/streams.ts";
import type { CommandId } from "../../../src/core/ids.ts";
import { factOf, newStream } from "../../contracts/bus.ts";
import { newCommand } from "../../support/commits.ts";
import { type NatsHouse, natsHouse, natsHouses, publishAtLast } from "../../support/nats-house.ts";
import { hasOwnNats, type OwnNats, ownNats } from "../../support/own-nats.ts";
import { until } from "../../support/until.ts";

describe.skipIf(!hasOwnNats)("NATS in trouble", () => {
  let server: OwnNats;
  const { enter, leave } = natsHouses(() => server);
  beforeAll(async () => {
    server = await ownNats();
  });
  afterEach(async () => {
    server.thaw();
    await leave();
  });
  afterAll(() => server.destroy());

  const onStreams = async (act: (stream: string) => Promise<unknown>): Promise<void> => {
    for (const stream of [EVENTS, COMMANDS, RINGS]) await act(stream);
  };
  const managed = async () => {
    const client = await server.client();
    return { jsm: await client.jetstreamManager(), done: () => client.close() };
  };

  /** What happens while facts are published, and where it must not cost a subscriber anything. */
  const TROUBLES: Readonly<Record<string, { readonly happens: () => Promise<void>; readonly isHarmless?: true }>> = {
    "a restart": {
      happens: async () => {
        await server.stop();
        await server.start();
      },
    },
    "a crash": {
      happens: async () => {
        await server.kill();
        await server.start();
      },
    },
    "a crash that takes the disk with it": {
      happens: async () => {
        await server.kill();
        server.wipe();
        await server.start();
      },
    },
    "a standstill of 6 s": {
      happens: async () => {
        server.freeze();
        await Bun.sleep(6000);
        server.thaw();
      },
      isHarmless: true,
    },
    "the loss of all streams": {
      happens: async () => {
        const { jsm, done } = await managed();
        await onStreams((stream) => jsm.streams.delete(stream));
        await done();
      },
    },
    "the loss of all consumers": {
      happens: async () => {
        const { jsm, done } = await managed();
        await onStreams(async (stream) => {
          for (const { name } of await jsm.consumers.list(stream).next()) await jsm.consumers.delete(stream, name);
        });
        await done();
      },
    },
  };

  for (const [what, { happens, isHarmless = false }] of Object.entries(TROUBLES)) {
    test(`after ${what} facts, rings and commands go on, and who may have missed one is told`, async () => {
      const [{ bus, services }, publisher] = [await enter(), await enter()];
      const heard: number[] = [];
      const rung: CommandId[] = [];
      const taken: string[] = [];
      let gaps = 0;
      await bus.subscribe(async ({ version }) => void heard.push(version), {
        beat: () => undefined,
        gap: () => {
          gaps += 1;
        },
      });
      await bus.answerRings(async (ids) => void rung.push(...ids));
      await services.takeCommands(
        async ({ type }) => {
          taken.push(type);
          return { status: "taken" };
        },
        async () => ({ status: "taken" }),
      );

      const stream = newStream();
      let version = 0;
      const publish = async (count: number): Promise<void> => {
        const facts = Array.from({ length: count }, () => factOf(stream, ++version));
        await publishAtLast(publisher.bus, facts);
      };
      await publish(10);
      await until("the first are heard", () => heard.length >= 10);
      expect(gaps).toBe(0);
      let isOver = false;
      const publishing = (async () => {
        while (!isOver) await publish(5);
      })();
      await happens();
      isOver = true;
      await publishing;

      await until("a new fact is heard", async () => {
        await publish(1);
        return heard.includes(version - 1);
      });
      await until("the last is heard", () => heard.includes(version));
      const all = Array.from({ length: version }, (_, i) => i + 1);
      const missed = all.filter((one) => !heard.includes(one));
      if (isHarmless) expect({ gaps, missed }).toEqual({ gaps: 0, missed: [] });
      else expect(gaps).toBeGreaterThan(0);
      const firsts = heard.filter((one, i) => heard.indexOf(one) === i);
      expect(firsts).toEqual([...firsts].sort((a, b) => a - b));

      const id = newCommand();
      await until("a ring is heard", async () => {
        if (rung.includes(id)) return true;
        await bus.ring(id);
        await Bun.sleep(20);
        return rung.includes(id);
      });
      const client = await server.client();
      await client.jetstream().publish("billing.commands.invoice.issue", "{}");
      await until("a command is taken", () => taken.includes("invoice.issue"));
      await client.close();
    }, 40_000);
  }

  test("while it is away everybody is told so at once, and waits for nothing", async () => {
    const { bus, services, isReady } = await enter();
    const waiting = bus.awaitOutcome(newCommand(), 1000);
    await server.kill();
    expect(await waiting).toBeNull();
    await until("it is noticed", () => !isReady());
    const begun = performance.now();
    const faults = [
      await bus.publish([factOf(newStream(), 1)]),
      await bus.beat(factOf(newStream(), 1).recordedAt),
      await bus.ring(newCommand()),
      await bus.tellOutcome(newCommand(), { ok: true, value: {} }),
      await bus.hint([]),
      await services.tell([]),
    ];
    for (const fault of faults) expect(fault).toMatchObject({ ok: false, error: { code: "bus_unavailable" } });
    expect(performance.now() - begun).toBeLessThan(100);
    // Only who waits for an outcome is not: it would ask the database again and again.
    expect(await bus.awaitOutcome(newCommand(), 100)).toBeNull();
    expect(performance.now() - begun).toBeGreaterThanOrEqual(90);
    await server.start();
  });

  test("while it stands still nobody waits for a ring, and facts are known to be untold after 3 s", async () => {
    const { bus } = await enter();
    await publishAtLast(bus, [factOf(newStream(), 1)]);
    server.freeze();
    const begun = performance.now();
    await bus.ring(newCommand());
    expect(performance.now() - begun).toBeLessThan(500);
    const many = Array.from({ length: 2000 }, () => factOf(newStream(), 1));
    expect((await bus.publish(many)).ok).toBe(false);
    expect(performance.now() - begun).toBeLessThan(4500);
    server.thaw();
    await publishAtLast(bus, many);
  }, 20_000);

  test("that it does not answer in time is told once, as the outage that it is, and what was begun goes on", async () => {
    const { bus, told } = await enter();
    server.freeze();
    const rung: string[] = [];
    for (let n = 0; n < 3; n += 1) await bus.answerRings(async (ids) => void rung.push(...ids));
    await until("it is told", () => told.some((line) => line.startsWith("nats_unavailable")));
    await Bun.sleep(500);
    server.thaw();
    await until("a ring is answered", async () => {
      await bus.ring(newCommand());
      return rung.length > 0;
    });
    expect(told.filter((line) => !["nats_connected", "nats_lost"].includes(line))).toHaveLength(1);
  }, 20_000);

  test("a process starts without it, and hears everything once it is there", async () => {
    await server.kill();
    const { bus, told } = await enter();
    const heard: number[] = [];
    let gaps = 0;
    await bus.subscribe(async ({ version }) => void heard.push(version), {
      beat: () => undefined,
      gap: () => {
        gaps += 1;
      },
    });
    await server.start();
    await until("it is told that it may have missed something", () => gaps > 0);
    await publishAtLast(bus, [factOf(newStream(), 7)]);
    await until("it is heard", () => heard.includes(7));
    // One line for all tries together.
    expect(told.filter((line) => line.startsWith("nats_unavailable"))).toHaveLength(1);
  }, 20_000);

  test("closing ends soon, whether it is away, stands still or was never there", async () => {
    const closings: number[] = [];
    const close = async ({ close }: NatsHouse): Promise<void> => {
      const begun = performance.now();
      await close();
      closings.push(performance.now() - begun);
    };
    const [away, still] = [await enter(), await enter()];
    for (const { bus } of [away, still]) {
      await bus.subscribe(async () => undefined);
      await bus.answerRings(async () => undefined);
    }
    server.freeze();
    const unheard = still.bus.ring(newCommand());
    await close(still);
    await unheard;
    await server.kill();
    await close(away);
    await close(await enter());
    expect(Math.max(...closings)).toBeLessThan(4000);
    await server.start();
  }, 20_000);

  test("a full disk refuses facts and keeps those that it has; with more room all go through", async () => {
    await server.kill();
    await server.start({ mostFileBytes: 1024 * 1024 });
    const { bus } = await enter();
    const batch = () => Array.from({ length: 500 }, () => factOf(newStream(), 1));
    let acknowledged = 0;
    let refused = batch();
    for (let full = false; !full; ) {
      full = !(await bus.publish(refused)).ok;
      if (full) break;
      acknowledged += refused.length;
      refused = batch();
      expect(acknowledged).toBeLessThan(10_000);
    }
    const state = async () => {
      const { jsm, done } = await managed();
      const info = await jsm.streams.info(EVENTS);
      await done();
      return info.state;
    };
    expect((await state()).first_seq).toBe(1);
    expect((await state()).messages).toBeGreaterThanOrEqual(acknowledged);
    await server.stop();
    await server.start();
    await publishAtLast(bus, refused);
    expect((await state()).messages).toBeGreaterThanOrEqual(acknowledged + refused.length);
  }, 30_000);

  test("with room made on a full disk all go through again", async () => {
    await server.kill();
    await server.start({ mostFileBytes: 1024 * 1024 });
    const { bus } = await enter();
    const batch = () => Array.from({ length: 500 }, () => factOf(newStream(), 1));
    await until("it is full", async () => !(await bus.publish(batch())).ok);
    const { jsm, done } = await managed();
    await jsm.streams.purge(EVENTS);
    await done();
    await publishAtLast(bus, batch());
  }, 30_000);

  test("a wrong stream is mended where that is possible, and else told in words", async () => {
    const { jsm, done } = await managed();
    await jsm.streams.add({ name: COMMANDS, subjects: ["billing.commands.>"] });
    await jsm.streams.add({ name: EVENTS, subjects: ["billing.events.>"] });
    const { bus, told } = await enter();
    expect((await bus.beat(factOf(newStream(), 1).recordedAt)).ok).toBe(true);
    await until("it is told", () => told.some((line) => /BILLING_COMMANDS.*limits.*workqueue/.test(line)));
    const { config } = await jsm.streams.info(EVENTS);
    expect(config).toMatchObject({ allow_rollup_hdrs: true, discard: "new" });
    await done();
  });

  test("a fact of a newer version is a gap, and those after it are heard", async () => {
    const { bus, told } = await enter();
    const heard: string[] = [];
    await bus.subscribe(async ({ version }) => void heard.push(`${version}`), {
      beat: () => undefined,
      gap: () => heard.push("gap"),
    });
    const client = await server.client();
    await client.jetstream().publish("billing.events.invoice.dreamt", '{"specversion":"2.0"}');
    await client.close();
    await bus.publish([factOf(newStream(), 1)]);
    await until("both are heard", () => heard.length >= 2);
    expect(heard).toEqual(["gap", "1"]);
    expect(told.some((line) => line.includes("billing.events.invoice.dreamt cannot be read"))).toBe(true);
  });

  test("of beats only the last is kept", async () => {
    const { bus } = await enter();
    for (let i = 0; i < 5; i += 1) await bus.beat(factOf(newStream(), 1).recordedAt);
    const { jsm, done } = await managed();
    expect((await jsm.streams.info(EVENTS)).state.messages).toBe(1);
    await done();
  });

  test("an API does its part with few rights, and those do not let it publish facts", async () => {
    const rights = [
      "$JS.API.STREAM.INFO.*",
      "$JS.API.CONSUMER.CREATE.BILLING_EVENTS",
      "$JS.API.CONSUMER.MSG.NEXT.BILLING_EVENTS.*",
      "$JS.API.CONSUMER.DELETE.BILLING_EVENTS.*",
      "billing.internal.rings",
      "billing.internal.hints",
    ];
    const ears = ["_INBOX.>", "billing.internal.outcomes.*", "billing.queries.*", "$SRV.>"];
    const config = `authorization { users: [
      { user: "consumer", password: "c" },
      { user: "api", password: "a", permissions: {
        publish: ${JSON.stringify(rights)}, subscribe: ${JSON.stringify(ears)}, allow_responses: true } },
    ] }`;
    await server.kill();
    await server.start({ config });
    const consumer = await enter("consumer:c");
    const api = await enter("api:a");

    const heard: number[] = [];
    await api.bus.subscribe(async ({ version }) => void heard.push(version));
    await publishAtLast(consumer.bus, [factOf(newStream(), 1)]);
    const rung: CommandId[] = [];
    await consumer.bus.answerRings(async (ids) => void rung.push(...ids));
    const id = newCommand();
    const outcome = api.bus.awaitOutcome(id, 5000);
    expect((await api.bus.ring(id)).ok).toBe(true);
    await until("it is rung and heard", () => rung.includes(id) && heard.length > 0);
    await consumer.bus.tellOutcome(id, { ok: true, value: {} });
    expect(await outcome).toEqual({ ok: true, value: {} });
    expect(api.told).toEqual(["nats_connected"]);

    expect(await api.bus.publish([factOf(newStream(), 1)])).toMatchObject({ ok: false });
    await until("it is told", () => api.told.some((line) => line.includes("PERMISSIONS_VIOLATION publish")));
  });

  test("the name and the password in the address are shown to the server", async () => {
    await server.kill();
    await server.start({ config: 'authorization { users: [{ user: "api", password: "p@ss:1" }] }' });
    const good = await natsHouse(server.url.replace("nats://", "nats://api:p%40ss%3A1@"));
    expect(good.isReady()).toBe(true);
    const bad = await natsHouse(server.url.replace("nats://", "nats://api:guess@"));
    expect(bad.isReady()).toBe(false);
    await until("it is told", () => bad.told.some((line) => line.includes("Authorization Violation")));
    await Promise.all([good.close(), bad.close()]);
  });
});
