import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { headers, type JetStreamClient, type NatsConnection } from "nats";
import { printServiceOutcome } from "../../../src/adapters/wire/service-outcomes.ts";
import type { SentCommand, ServiceOutcome, ServiceQueries, Taken } from "../../../src/core/ports/services.ts";
import { ok } from "../../../src/core/result.ts";
import { START } from "../../support/cinema.ts";
import { newAccount, newCommand } from "../../support/commits.ts";
import { natsHouses } from "../../support/nats-house.ts";
import { hasOwnNats, type OwnNats, ownNats } from "../../support/own-nats.ts";
import { until } from "../../support/until.ts";

const TAKEN: Taken = { status: "taken" };
const never = async (): Promise<Taken> => {
  throw new Error("nothing is broken here");
};

describe.skipIf(!hasOwnNats)("other services over NATS", () => {
  let server: OwnNats;
  const { enter, leave } = natsHouses(() => server);
  const clients: NatsConnection[] = [];
  beforeAll(async () => {
    server = await ownNats();
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
    await leave();
  });
  afterAll(() => server.destroy());
  /** Another service, with the library as it comes. */
  const sender = async (): Promise<{ readonly client: NatsConnection; readonly js: JetStreamClient }> => {
    const client = await server.client();
    clients.push(client);
    return { client, js: client.jetstream() };
  };
  const isEmptied = async (): Promise<boolean> => {
    const { client } = await sender();
    const info = await (await client.jetstreamManager()).streams.info("BILLING_COMMANDS");
    return info.state.messages === 0;
  };

  test("a command comes with what its sender wrote and with the bus's own clock", async () => {
    const { services } = await enter();
    const { js } = await sender();
    const sent: SentCommand[] = [];
    await services.takeCommands(async (command) => {
      sent.push(command);
      return TAKEN;
    }, never);
    const written = headers();
    written.set("authorization", "Bearer abc.def");
    written.set("Reply-To", "shop.answers.1");
    const before = Date.now();
    await js.publish("billing.commands.invoice.issue", "{}", { headers: written });
    await js.publish("billing.commands.a.b.c", "not json");
    await until("both have come", () => sent.length >= 2);
    const [full, bare] = sent;
    expect(full).toMatchObject({ type: "invoice.issue", token: "abc.def", replyTo: "shop.answers.1" });
    expect(new TextDecoder().decode(full?.payload)).toBe("{}");
    expect(full?.sentAt).toBeGreaterThanOrEqual(before - 1);
    expect(full?.sentAt).toBeLessThanOrEqual(Date.now());
    expect(bare).toMatchObject({ type: "a.b.c", token: null, replyTo: null });
    await until("nothing is left", isEmptied);
  });

  test("two services that give their messages the same id both get through", async () => {
    const { services } = await enter();
    const { js } = await sender();
    let count = 0;
    await services.takeCommands(async () => {
      count += 1;
      return TAKEN;
    }, never);
    await js.publish("billing.commands.invoice.issue", "one", { msgID: "1" });
    await Bun.sleep(150);
    await js.publish("billing.commands.invoice.issue", "other", { msgID: "1" });
    await until("both have come", () => count >= 2);
  });

  test("one that is to wait comes again, after ever longer, and the others do not wait for it", async () => {
    const { services } = await enter();
    const { js } = await sender();
    const tries: number[] = [];
    let others = 0;
    await services.takeCommands(async ({ type }) => {
      if (type === "invoice.issue") {
        others += 1;
        return TAKEN;
      }
      tries.push(performance.now());
      return tries.length < 4 ? { status: "later", afterMs: 50, because: "the database is away" } : TAKEN;
    }, never);
    await js.publish("billing.commands.invoice.annul", "{}");
    for (let i = 0; i < 20; i += 1) await js.publish("billing.commands.invoice.issue", "{}");
    await until("the others are taken", () => others >= 20);
    await until("it is taken", () => tries.length >= 4);
    const waits = tries.slice(1).map((at, i) => at - (tries[i] ?? 0));
    for (const [i, leastMs] of [50, 100, 200].entries()) expect(waits[i]).toBeGreaterThanOrEqual(leastMs - 10);
    await until("nothing is left", isEmptied);
  });

  test("one that breaks our code five times is put aside, and the others do not wait for it", async () => {
    const { services, told } = await enter();
    const { js } = await sender();
    let [tries, others, putAsides] = [0, 0, 0];
    const broken: [string, string][] = [];
    await services.takeCommands(
      async ({ payload }) => {
        if (new TextDecoder().decode(payload) === "good") others += 1;
        else {
          tries += 1;
          throw new TypeError("no such plan");
        }
        return TAKEN;
      },
      async ({ type }, reason) => {
        putAsides += 1;
        // Where it is to be written down may be away as well.
        if (putAsides === 1) return { status: "later", afterMs: 10, because: "the database is away" };
        broken.push([type, reason]);
        return TAKEN;
      },
    );
    await js.publish("billing.commands.invoice.issue", "bad");
    for (let i = 0; i < 20; i += 1) await js.publish("billing.commands.invoice.issue", "good");
    await until("the others are taken", () => others >= 20);
    await until("it is put aside", () => broken.length > 0, 30_000);
    expect(broken).toEqual([["invoice.issue", "TypeError: no such plan"]]);
    expect({ tries, putAsides }).toEqual({ tries: 6, putAsides: 2 });
    expect(told.filter((line) => line.includes("no such plan"))).toHaveLength(6);
    await until("nothing is left", isEmptied);
  }, 40_000);

  test("each of 300 commands is taken by one of two processes, though the server is killed twice", async () => {
    const both = [await enter(), await enter()];
    const taken = new Map<string, number>();
    for (const { services } of both) {
      await services.takeCommands(async ({ payload }) => {
        const name = new TextDecoder().decode(payload);
        await Bun.sleep(5);
        taken.set(name, (taken.get(name) ?? 0) + 1);
        return TAKEN;
      }, never);
    }
    const names = Array.from({ length: 300 }, (_, i) => `command ${i}`);
    const send = async (name: string): Promise<void> => {
      await until("it is sent", async () => {
        try {
          const { js, client } = await sender();
          await js.publish("billing.commands.invoice.issue", name, { timeout: 1000 });
          await client.close();
          return true;
        } catch {
          return false;
        }
      });
    };
    const sending = (async () => {
      for (const name of names) await send(name);
    })();
    for (const count of [100, 200]) {
      await until("some are taken", () => taken.size >= count, 20_000);
      await server.kill();
      await server.start();
    }
    await sending;
    await until("all are taken", () => names.every((name) => taken.has(name)), 40_000);
  }, 90_000);

  test("what is not taken yet when a process stops goes to another one at once", async () => {
    const [first, second] = [await enter(), await enter()];
    const { js } = await sender();
    let begun = 0;
    const going = Promise.withResolvers<void>();
    const consumption = await first.services.takeCommands(async () => {
      begun += 1;
      await going.promise;
      return TAKEN;
    }, never);
    for (let i = 0; i < 700; i += 1) await js.publish("billing.commands.invoice.issue", `${i}`);
    await until("it has as many as it takes at once", () => begun === 512);
    const stopping = consumption.stop();
    let others = 0;
    await second.services.takeCommands(async () => {
      others += 1;
      return TAKEN;
    }, never);
    await until("the other one has the rest", () => others === 700 - 512);
    going.resolve();
    await stopping;
    await until("nothing is left", isEmptied);
    expect(others).toBe(700 - 512);
  });

  const outcomeOf = (over: Partial<ServiceOutcome> = {}): ServiceOutcome => ({
    id: newCommand(),
    service: "shop",
    commandId: "order-1",
    command: "invoice.issue",
    replyTo: null,
    outcome: { ok: true, value: { invoiceId: "inv_1" } },
    at: START,
    ...over,
  });

  test("an outcome goes to whom its sender named and to everybody, told twice once to everybody", async () => {
    const { services, bus } = await enter();
    const { client } = await sender();
    const [answers, events]: [string[], string[]] = [[], []];
    client.subscribe("shop.answers.1", { callback: (_, message) => void answers.push(message.string()) });
    client.subscribe("billing.events.command.*", { callback: (_, message) => void events.push(message.subject) });
    await client.flush();
    const heard: string[] = [];
    await bus.subscribe(async ({ stream }) => void heard.push(stream), {
      beat: () => undefined,
      gap: () => heard.push("gap"),
    });

    const named = outcomeOf({ replyTo: "shop.answers.1" });
    const refused = outcomeOf({ outcome: { ok: false, refusal: { code: "invoice_exists", facts: {} } } });
    const bent = outcomeOf({ replyTo: "shop.answers.1 billing.commands.x\r\n" });
    for (const outcomes of [[named, refused, bent], [named]]) expect(await services.tell(outcomes)).toEqual(ok(null));
    await until("all are told", () => answers.length >= 2 && events.length >= 3);
    expect(answers).toEqual([printServiceOutcome(named), printServiceOutcome(named)]);
    const info = await (await client.jetstreamManager()).streams.info("BILLING_EVENTS", { subjects_filter: ">" });
    expect(info.state.subjects).toEqual({ "billing.events.command.done": 2, "billing.events.command.refused": 1 });
    // To ourselves they are no facts, and no gap among them.
    expect(heard).toEqual([]);
  });

  const queries = (over: Partial<ServiceQueries> = {}): ServiceQueries => ({
    access: async () => ok(null),
    customer: async () => ok(null),
    invoice: async () => ok(null),
    plans: async () => ok([]),
    subscription: async () => ok(null),
    now: async () => START,
    ...over,
  });

  test("a plain client's question is answered once, and again after a restart", async () => {
    let asked = 0;
    for (const { services } of [await enter(), await enter()]) {
      await services.answerQueries(
        queries({
          plans: async () => {
            asked += 1;
            return ok([]);
          },
        }),
      );
    }
    const answered = async (): Promise<unknown> => {
      const { client } = await sender();
      return (await client.request("billing.queries.plans", "")).json();
    };
    await until("somebody answers", () =>
      answered().then(
        () => true,
        () => false,
      ),
    );
    asked = 0;
    expect(await answered()).toEqual({ ok: true, value: { plans: [] } });
    expect(asked).toBe(1);
    await server.kill();
    await server.start();
    await until("somebody answers again", () =>
      answered().then(
        () => true,
        () => false,
      ),
    );
  });

  test("a question that breaks our code is answered without what broke, and those after it as ever", async () => {
    const { services, told } = await enter();
    const consumption = await services.answerQueries(
      queries({ customer: async () => Promise.reject(new Error("the secret of the vault")) }),
    );
    const { client } = await sender();
    const ask = (name: string, body: unknown) => client.request(`billing.queries.${name}`, JSON.stringify(body));
    await until("somebody answers", () =>
      ask("plans", {}).then(
        () => true,
        () => false,
      ),
    );
    const failed = await ask("customer", { accountId: newAccount() });
    expect(failed.headers?.get("Nats-Service-Error-Code")).toBe("500");
    expect(failed.string() + String(failed.headers)).not.toContain("secret");
    expect(told.some((line) => line.includes("the secret of the vault"))).toBe(true);
    expect((await ask("access", { accountId: newAccount() })).json()).toMatchObject({ ok: true });
    const found = await client.services.client().info("matinee-billing");
    for await (const { endpoints } of found) expect(endpoints?.map(({ name }) => name)).toContain("access");
    await consumption.stop();
    expect(await ask("plans", {}).catch(String)).toContain("503");
  });
});
