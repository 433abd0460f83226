import { afterAll, describe, expect, test } from "bun:test";
import { AckPolicy, connect, type NatsConnection } from "nats";
import { openMemory } from "../../../src/adapters/memory/store.ts";
import { natsBus } from "../../../src/adapters/nats/bus.ts";
import { openNats } from "../../../src/adapters/nats/connection.ts";
import { natsServices } from "../../../src/adapters/nats/services.ts";
import type { SentCommand } from "../../../src/core/ports/services.ts";
import { accountNamed, commandNamed, START } from "../../support/cinema.ts";
import { hasOwnNats, ownNats } from "../../support/own-nats.ts";
import { until } from "../../support/until.ts";

/** `docs/nats.conf` as an operator would use it; where it listens and what it stores are the test's own. */
const config = (await Bun.file(new URL("../../../docs/nats.conf", import.meta.url)).text())
  .replace(/jetstream \{[^}]*\}/, "")
  .replace(/\$(\w+)_PASSWORD/g, '"secret"');

describe.skipIf(!hasOwnNats)("The users of docs/nats.conf", () => {
  const server = hasOwnNats ? ownNats({ config }) : null;
  afterAll(async () => (await server)?.destroy());
  const urlOf = async (user: string): Promise<string> => (await server)?.url.replace("//", `//${user}@`) ?? "";
  const told: unknown[] = [];
  /** What one of our processes has of NATS. */
  const house = async (user: "api" | "consumer" | "cron") => {
    const log = { info: () => undefined, failed: (what: string, error: unknown) => void told.push([what, `${error}`]) };
    const nats = await openNats({ servers: await urlOf(`${user}:secret`), name: "test", log });
    const onError = (error: unknown): void => void told.push(`${error}`);
    return { nats, bus: natsBus(nats, onError), services: natsServices(nats, { onError }) };
  };
  const shop = async (): Promise<NatsConnection> =>
    connect({ servers: (await server)?.url ?? "", user: "shop", pass: "secret", inboxPrefix: "_INBOX.shop" });
  /** What the server refuses a client, once it has had time to say so. */
  const refusals = (client: NatsConnection): string[] => {
    const heard: string[] = [];
    void (async () => {
      for await (const status of client.status()) heard.push(`${status.data}`);
    })();
    return heard;
  };

  test("each of our processes does all that it does, and is refused nothing", async () => {
    const consumer = await house("consumer");
    const [api, cron] = [await house("api"), await house("cron")];
    const [rung, beats, hinted, asked]: [string[], number[], number[], string[]] = [[], [], [], []];
    const signs = { beat: (at: number) => void beats.push(at), gap: () => undefined };
    const doing = [
      await api.bus.subscribe(async () => undefined, signs),
      await cron.bus.subscribe(async () => undefined, signs),
      await cron.bus.takeHints(async (rows) => void hinted.push(rows.length)),
      await consumer.bus.answerRings(async (ids) => void rung.push(...ids)),
      await consumer.services.takeCommands(
        async () => ({ status: "taken" }),
        async () => ({ status: "taken" }),
      ),
      await api.services.answerQueries({
        ...openMemory().queries,
        now: async () => {
          asked.push("now");
          return START;
        },
      }),
    ];
    const waiting = api.bus.awaitOutcome(commandNamed("a"), 5000);
    for (const said of [
      await api.bus.ring(commandNamed("a")),
      await api.bus.hint([]),
      await consumer.bus.beat(START),
      await consumer.bus.tellOutcome(commandNamed("a"), { ok: true, value: {} }),
    ])
      expect(said.ok).toBe(true);
    expect(await waiting).toEqual({ ok: true, value: {} });
    const client = await shop();
    const answer = await client.request("billing.queries.access", JSON.stringify({ accountId: accountNamed("anna") }));
    expect(answer.json<{ readonly ok: boolean }>().ok).toBe(true);
    await until("all is heard", async () => {
      // A hint that is said before anybody listens is lost.
      if (hinted.length === 0) await api.bus.hint([]);
      return rung.length === 1 && beats.length === 2 && hinted.length > 0;
    });
    expect(asked).toEqual(["now"]);
    await client.close();
    for (const one of doing) await one.stop();
    for (const { nats } of [api, cron, consumer]) await nats.close();
    expect(told).toEqual([]);
  });

  test("a service sends commands, hears its answers and reads the events", async () => {
    const { nats, services } = await house("consumer");
    const sent: SentCommand[] = [];
    const taking = await services.takeCommands(
      async (command) => {
        sent.push(command);
        return { status: "taken" };
      },
      async () => ({ status: "taken" }),
    );
    const client = await shop();
    const replies = client.subscribe("billing.replies.shop.answers", { max: 1 });
    await client.jetstream().publish("billing.commands.invoice.annul", "{}");
    await until("it is heard", () => sent.length === 1);
    const outcome = { ok: true, value: {} } as const;
    const said = { service: "shop", commandId: "1", command: "invoice.annul", outcome, at: 1 as never };
    expect(
      (await services.tell([{ ...said, id: commandNamed("b"), replyTo: "billing.replies.shop.answers" }])).ok,
    ).toBe(true);
    for await (const reply of replies) expect(reply.string()).toContain('"commandId":"1"');
    const wanted = { durable_name: "shop", filter_subject: "billing.events.>", ack_policy: AckPolicy.Explicit };
    await (await client.jetstreamManager()).consumers.add("BILLING_EVENTS", wanted);
    const events = await client.jetstream().consumers.get("BILLING_EVENTS", "shop");
    const first = await events.next({ expires: 5000 });
    first?.ack();
    expect(first?.subject).toBe("billing.events.command.done");
    await taking.stop();
    await client.close();
    await nats.close();
  });

  test.each([
    ["say that something happened", (client: NatsConnection) => client.publish("billing.events.invoice.paid", "{}")],
    ["ring", (client: NatsConnection) => client.publish("billing.internal.rings", "x")],
    ["delete a stream", (client: NatsConnection) => client.publish("$JS.API.STREAM.DELETE.BILLING_EVENTS", "")],
    ["take other services' commands", (client: NatsConnection) => void client.subscribe("billing.commands.>")],
    ["hear other services' answers", (client: NatsConnection) => void client.subscribe("billing.replies.crm.>")],
    [
      "read facts in another service's name",
      (client: NatsConnection) => client.publish("$JS.API.CONSUMER.MSG.NEXT.BILLING_EVENTS.crm", ""),
    ],
    ["hear others' inboxes", (client: NatsConnection) => void client.subscribe("_INBOX.>")],
  ])("a service may not %s", async (_, act) => {
    const client = await shop();
    const heard = refusals(client);
    act(client);
    await client.flush();
    await until("the server refuses", () => heard.some((status) => status.includes("PERMISSIONS_VIOLATION")));
    await client.close();
  });
});
