import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type NatsConnection, NatsError } from "nats";
import { z } from "zod";
import { jwtServiceTokens } from "../../src/adapters/crypto/service-tokens.ts";
import { postgresJs } from "../../src/adapters/postgres/postgres-js.ts";
import { DAY_MS, instantOf } from "../../src/core/time.ts";
import { hasOwnNats, type OwnNats, ownNats } from "../support/own-nats.ts";
import { hasOwnRedis, type OwnRedis, ownRedis } from "../support/own-redis.ts";
import { dropDatabases, freshDatabase, hasPostgres } from "../support/services.ts";
import { becomes, openSeveral, type Several } from "../support/several.ts";
import { until } from "../support/until.ts";
import { lasting, openService, type Seen, type Service, seenHeaders } from "./services-client.ts";
import { COMMANDS, fenced, isListed, misfits, QUESTIONS } from "./services-document.ts";

const fact = z.object({
  id: z.string(),
  type: z.string(),
  subject: z.string(),
  streamversion: z.int().exactOptional(),
});
type Fact = z.output<typeof fact>;
const invoiceAnswer = z.object({
  value: z.object({
    status: z.string(),
    captures: z.array(z.object({ gatewayAccount: z.string(), transactionId: z.string(), left: z.unknown() })),
  }),
});
const accessAnswer = z.object({ value: z.object({ allowed: z.boolean() }) });
const letter = z.object({
  id: z.string(),
  since: z.string(),
  service: z.string().nullable(),
  reason: z.string(),
  body: z.string(),
});
type Letter = z.output<typeof letter>;

const SHOP = { user: "shop", pass: "of-shop", inboxPrefix: "_INBOX.shop" } as const;
/** A run that shows fewer kinds of events has not done what it was to do. */
const LEAST_EVENT_TYPES = 21;
const ROOT = new URL("../..", import.meta.url).pathname;

let sent = 0;
/** An id of a command that nobody has used yet. */
const newId = (what: string): string => {
  sent += 1;
  return `${what}-${sent}`;
};

describe.skipIf(!hasPostgres || !hasOwnNats || !hasOwnRedis)("another service with a plain NATS client", () => {
  let server: OwnNats;
  let redis: OwnRedis;
  let databaseUrl: string;
  let several: Several;
  let shop: NatsConnection;
  let tap: NatsConnection;
  let service: Service;
  let token: string;
  const seen: Seen[] = [];
  /** What was sent although it does not fit the document. */
  const bent = new Set<string>();

  beforeAll(async () => {
    // The service has the rights that the document asks for, and no others.
    const users = `{ user: matinee, password: of-matinee }\n{ user: shop, password: of-shop, ${fenced("conf")[0]} }`;
    const config = `authorization { users = [${users}] }`;
    [server, redis, databaseUrl] = await Promise.all([ownNats({ config }), ownRedis(), freshDatabase()]);
    const natsUrl = server.url.replace("//", "//matinee:of-matinee@");
    several = openSeveral({ databaseUrl, natsUrl, redisUrl: redis.url });
    await several.start("sandbox", "api", "consumer", "cron");
    const { out } = await several.matinee(["service", "token", "shop", "--json"]);
    token = z.object({ token: z.string() }).parse(JSON.parse(out)).token;
    shop = await lasting({ servers: server.url, ...SHOP });
    service = await openService(shop, token);
    tap = await lasting({ servers: server.url, user: "matinee", pass: "of-matinee" });
    tap.subscribe("billing.>", {
      callback: (_, message) =>
        void seen.push({ subject: message.subject, text: message.string(), headers: seenHeaders(message.headers) }),
    });
    await Promise.all([shop.flush(), tap.flush()]);
  });

  afterAll(async () => {
    try {
      await everyEventIsThereInOrder();
      everyMessageIsAsTheDocumentSays(await onStream());
    } finally {
      await several.close();
      await Promise.all([server.destroy(), redis.destroy()]);
      await dropDatabases();
      await Promise.all([shop.close(), tap.close()]);
    }
  });

  const published: Seen[] = [];
  let lastSeq = 0;
  /** All that the stream holds for others, from its beginning. What was read once is not read again. */
  const onStream = async (): Promise<readonly Seen[]> => {
    // What was asked of a server that is gone is answered by nobody.
    const { streams } = await tap.jetstreamManager({ timeout: 500 });
    const { state } = await streams.info("BILLING_EVENTS");
    for (; lastSeq < state.last_seq; lastSeq += 1) {
      // Of the beats only the last is kept: where the others were is nothing.
      const message = await streams.getMessage("BILLING_EVENTS", { seq: lastSeq + 1 }).catch(nothingThere);
      if (message?.subject.startsWith("billing.events."))
        published.push({ subject: message.subject, text: message.string(), headers: seenHeaders(message.header) });
    }
    return published;
  };
  const factsOnStream = async (): Promise<readonly Fact[]> =>
    (await onStream()).map(({ text }) => fact.parse(JSON.parse(text)));
  const onDatabase = async (query: string): Promise<readonly Readonly<Record<string, unknown>>[]> => {
    const driver = postgresJs({ url: databaseUrl, max: 1, role: null });
    try {
      return await driver.query(query);
    } finally {
      await driver.close();
    }
  };

  const everyEventIsThereInOrder = async (): Promise<void> => {
    const rows = await onDatabase("select stream || '/' || version as id from billing.events");
    const committed = rows.map(({ id }) => String(id)).toSorted();
    await until("all is on the stream", async () => {
      const told = (await factsOnStream()).filter(({ streamversion }) => streamversion !== undefined);
      return told.length >= committed.length;
    });
    const facts = (await factsOnStream()).filter(({ streamversion }) => streamversion !== undefined);
    expect(facts.map(({ id }) => id).toSorted()).toEqual(committed);
    const last = new Map<string, number>();
    for (const { subject, streamversion = 0 } of facts) {
      expect([subject, streamversion]).toEqual([subject, (last.get(subject) ?? 0) + 1]);
      last.set(subject, streamversion);
    }
  };

  /** Commands as sent, events and outcomes as published, questions and answers: each is what the document says, or was bent. */
  const everyMessageIsAsTheDocumentSays = (events: readonly Seen[]): void => {
    const listed = [...seen, ...events].filter(({ subject }) => isListed(subject));
    const replies = service.heard.map((one) => ({ ...one, subject: String(JSON.parse(one.text).type) }));
    for (const { subject, text, headers } of [...listed, ...replies, ...service.answers]) {
      const wrong = misfits(subject, parsed(text), headers);
      if (bent.has(text)) expect(wrong).not.toEqual([]);
      else expect([subject, wrong]).toEqual([subject, []]);
    }
    const types = [...new Set(events.map(({ subject }) => subject))].toSorted();
    const subjects = new Set(listed.map(({ subject }) => subject));
    expect([...COMMANDS, ...QUESTIONS].filter((subject) => !subjects.has(subject))).toEqual([]);
    process.stdout.write(`${listed.length} messages; ${types.length} kinds of events: ${types.join(", ")}\n`);
    expect(types.length).toBeGreaterThanOrEqual(LEAST_EVENT_TYPES);
  };

  const letters = async (): Promise<readonly Letter[]> =>
    z.array(letter).parse(JSON.parse((await several.matinee(["bus", "dead-letters", "--json"])).out));
  const lettersAbout = async (what: string): Promise<readonly Letter[]> =>
    (await letters()).filter(({ body }) => body.includes(what));
  /** An outcome as everybody hears it: with the words of the one that went to its sender. */
  const isOnStream = (subject: string, text: string): Promise<void> =>
    until(`${subject} is on the stream`, async () =>
      (await onStream()).some((one) => one.subject === subject && one.text === text),
    );
  const issued = async (accountId: string): Promise<string> => {
    const { data } = await service.does("commands.invoice.issue", newId("order"), { accountId });
    return data.outcome.ok ? (data.outcome.value["invoiceId"] ?? "") : "refused";
  };
  const invoice = async (invoiceId: string) => invoiceAnswer.parse(await service.asks("invoice", { invoiceId })).value;
  const mayWatch = async (accountId: string): Promise<boolean> =>
    accessAnswer.parse(await service.asks("access", { accountId })).value.allowed;

  test("issues an invoice and annuls it, and each outcome comes to it and stands on the stream in the same words", async () => {
    const { accountId } = await several.viewer();
    const order = newId("order");
    const reply = await service.does("commands.invoice.issue", order, { accountId });
    expect(reply).toMatchObject({
      type: "billing.events.command.done",
      data: { commandId: order, outcome: { ok: true } },
    });
    const invoiceId = reply.data.outcome.ok ? (reply.data.outcome.value["invoiceId"] ?? "") : "";
    expect((await invoice(invoiceId)).status).toBe("open");

    expect(await service.does("commands.invoice.annul", newId("off"), { invoiceId })).toMatchObject({
      data: { outcome: { ok: true } },
    });
    expect((await invoice(invoiceId)).status).toBe("void");
    // Annulled again under another id nothing happens; what was never there is refused.
    expect(await service.does("commands.invoice.annul", newId("off"), { invoiceId })).toMatchObject({
      data: { outcome: { ok: true } },
    });
    const unknown = await service.does("commands.invoice.annul", newId("off"), {});
    expect(unknown).toMatchObject({
      type: "billing.events.command.refused",
      data: { outcome: { ok: false, refusal: { code: "not_found" } } },
    });
    for (const { text } of service.heard) await isOnStream(String(JSON.parse(text).type), text);
    const facts = (await factsOnStream()).filter(({ subject }) => subject === `invoice/${invoiceId}`);
    expect(facts.map(({ type }) => type)).toEqual(["billing.events.invoice.issued", "billing.events.invoice.voided"]);
  });

  test("arranges a subscription that its viewer pays for, sees that he may watch, and gives the money back", async () => {
    const viewer = await several.viewer();
    const { accountId } = viewer;
    expect(await mayWatch(accountId)).toBe(false);
    const reply = await service.does("commands.subscription.arrange", newId("bundle"), { accountId });
    if (!reply.data.outcome.ok) throw new Error("refused");
    const { subscriptionId = "", invoiceId = "" } = reply.data.outcome.value;
    expect((await viewer.pays(invoiceId)).result).toBe("success");
    await until("he may watch", () => mayWatch(accountId));
    expect(await viewer.mayWatch()).toBe(true);
    expect(await service.asks("subscription", { subscriptionId })).toMatchObject({ value: { status: "active" } });
    expect(await service.asks("customer", { accountId })).toMatchObject({ ok: true });
    expect(await service.asks("plans", {})).toMatchObject({ value: { plans: expect.any(Array) } });

    expect(await service.does("commands.subscription.stop", newId("over"), { subscriptionId })).toMatchObject({
      data: { outcome: { ok: true } },
    });
    const [paid] = (await invoice(invoiceId)).captures;
    if (paid === undefined) throw new Error("what was paid is listed");
    const { gatewayAccount, transactionId, left: amount } = paid;
    const back = { invoiceId, gatewayAccount, transactionId, amount, access: "end" };
    expect(await service.does("commands.payment.refund", newId("complaint"), back)).toMatchObject({
      data: { outcome: { ok: true } },
    });
    await until("the money has gone back", async () => (await invoice(invoiceId)).status === "refunded");
    await until("he may not watch any more", async () => !(await mayWatch(accountId)));
    const gone = ["refund_asked", "refund_started", "refund_succeeded"].map((name) => `billing.events.invoice.${name}`);
    await until("the refund is on the stream", async () => {
      const facts = (await factsOnStream()).filter(({ subject }) => subject === `invoice/${invoiceId}`);
      return Bun.deepEquals(facts.map(({ type }) => type).slice(-gone.length), gone);
    });
    // There is nothing left to be asked back.
    expect(await service.does("commands.payment.refund", newId("complaint"), back)).toMatchObject({
      data: { outcome: { ok: false } },
    });
  });

  test("sends one command five times: it is done once, and answered five times in the same words", async () => {
    const viewer = await several.viewer();
    const command = service.written("commands.invoice.issue", newId("order"), { accountId: viewer.accountId });
    const { id } = JSON.parse(command.text);
    await Promise.all([1, 2, 3, 4, 5].map(() => service.send("commands.invoice.issue", command)));
    await until("five replies have come", () => service.repliesTo(id).length === 5);
    const texts = service.heard.filter(({ text }) => JSON.parse(text).data.commandId === id).map(({ text }) => text);
    expect(new Set(texts).size).toBe(1);
    expect(await viewer.invoices()).toHaveLength(1);
    const told = (await onStream()).filter(({ text }) => text === texts[0]);
    expect(told).toHaveLength(1);
    // Another body under the same id is another command, which is refused.
    const [first] = service.repliesTo(id);
    const other = service.written("commands.invoice.issue", id, { accountId: (await several.viewer()).accountId });
    await service.send("commands.invoice.issue", other);
    await until("it is refused", () => service.repliesTo(id).length === 6);
    expect(service.repliesTo(id)[5]).toMatchObject({ data: { outcome: { refusal: { code: "command_id_reused" } } } });
    expect(service.repliesTo(id)[5]?.id).not.toBe(first?.id);
  });

  test("is refused what no service may ask for, where it listens and on the stream", async () => {
    const id = newId("archive");
    const subject = "billing.commands.plan.archive";
    const text = JSON.stringify({ specversion: "1.0", id, source: "shop", type: subject, data: { plan: "basic" } });
    await service.send("commands.invoice.issue", { subject, text });
    await until("it is refused", () => service.repliesTo(id).length > 0);
    expect(service.repliesTo(id)).toMatchObject([{ data: { outcome: { refusal: { code: "forbidden" } } } }]);
    const [last] = service.heard.filter((one) => JSON.parse(one.text).data.commandId === id);
    await isOnStream("billing.events.command.refused", last?.text ?? "");
    expect(await service.asks("plans", {})).toMatchObject({
      value: { plans: expect.arrayContaining([expect.objectContaining({ plan: "basic" })]) },
    });
  });

  test("shows no token, one of another installation or one that has ended: refused, and put aside for the operator", async () => {
    const { accountId } = await several.viewer();
    const over = { VAULT_KEY: "1e".repeat(32) };
    const forged = (await several.matinee(["service", "token", "shop"], over)).out.trim();
    const tokens = await jwtServiceTokens(new Uint8Array(32).fill(0x0f));
    const now = Date.now();
    const ended = await tokens.sign("shop", instantOf(now - 2 * DAY_MS), instantOf(now - DAY_MS));
    const before = service.heard.length;
    const ids = [null, forged, ended].map((shown) => ({ shown, id: newId("unsigned") }));
    for (const { shown, id } of ids) {
      const command = service.written("commands.invoice.issue", id, { accountId });
      if (shown === null) bent.add(command.text);
      await service.send("commands.invoice.issue", command, {
        Authorization: shown === null ? null : `Bearer ${shown}`,
      });
    }
    await until("all are refused", () => service.heard.length >= before + ids.length);
    for (const { text } of service.heard.slice(before)) {
      expect(JSON.parse(text)).toMatchObject({
        data: { sender: null, outcome: { refusal: { code: "unauthenticated" } } },
      });
      await isOnStream("billing.events.command.refused", text);
    }
    const all = await letters();
    for (const { id } of ids) {
      const found = all.filter(({ body }) => body.includes(id));
      expect(found).toMatchObject([{ service: null, reason: "unauthenticated" }]);
    }
    expect(JSON.stringify(all)).not.toContain(ended);
    const { out } = await several.matinee(["bus", "dead-letters"]);
    expect(out).toContain("unauthenticated");
  });

  test("names another's place to answer to: refused on the stream, and nothing is told there", async () => {
    const { accountId } = await several.viewer();
    const place = "billing.replies.bookkeeping.1";
    for (const replyTo of [place, "billing.events.invoice.paid"]) {
      const command = service.written("commands.invoice.issue", newId("misled"), { accountId });
      await service.send("commands.invoice.issue", command, { "Reply-To": replyTo });
      await until("it is put aside", async () => (await lettersAbout(JSON.parse(command.text).id)).length > 0);
      expect(await lettersAbout(JSON.parse(command.text).id)).toMatchObject([{ reason: "reply_to_not_allowed" }]);
    }
    await until("both are told to everybody", async () => {
      const refused = (await onStream()).filter(({ text }) => text.includes('"reply_to_not_allowed"'));
      return refused.length === 2;
    });
    expect(seen.filter(({ subject }) => subject === place)).toEqual([]);
    // Its own place is good.
    const own = service.written("commands.invoice.issue", newId("order"), { accountId });
    await service.send("commands.invoice.issue", own, { "Reply-To": "billing.replies.shop.orders" });
    await until("it is told there", () => seen.some(({ subject }) => subject === "billing.replies.shop.orders"));
  });

  test("writes what does not fit the document: refused with each place, put aside, and replayed by the operator", async () => {
    const id = newId("bent");
    const command = service.written("commands.invoice.issue", id, { accountId: "somebody", lines: [] });
    bent.add(command.text);
    await service.send("commands.invoice.issue", command);
    await until("it is refused", () => service.repliesTo(id).length > 0);
    expect(service.repliesTo(id)).toMatchObject([
      {
        data: {
          outcome: {
            refusal: {
              code: "malformed",
              facts: { detail: expect.stringMatching(/\/data\/accountId .*\/data\/lines /) },
            },
          },
        },
      },
    ]);
    // The reason is told to the operator as well.
    const malformed = async () =>
      (await letters()).filter(({ reason, body }) => reason.startsWith("malformed") && body.includes("somebody"));
    const [aside] = await malformed();
    expect(aside).toMatchObject({ service: "shop", reason: expect.stringContaining("/data/accountId") });
    const { out, exitCode } = await several.matinee(["bus", "replay", aside?.id ?? ""]);
    expect([exitCode, out]).toEqual([0, expect.stringMatching(/^1 replayed/)]);
    // Nobody can read it today either: it comes back with its reason.
    await until("it has come back", async () => (await malformed()).some(({ since }) => since > (aside?.since ?? "")));

    const broken = { subject: "billing.commands.invoice.issue", text: "not JSON" };
    bent.add(broken.text);
    const before = service.heard.length;
    await service.send("commands.invoice.issue", broken);
    await until("it is refused", () => service.heard.length > before);
    expect(JSON.parse(service.heard.at(-1)?.text ?? "")).toMatchObject({
      data: { commandId: null, sender: "shop", outcome: { refusal: { code: "malformed" } } },
    });
  });

  test("runs the document's programs as they stand", async () => {
    const { accountId } = await several.viewer();
    const invoiceId = await issued(accountId);
    const [asking = "", hearing = ""] = fenced("js");
    const env = {
      PATH: process.env["PATH"] ?? "",
      NATS_URL: server.url,
      NATS_USER: SHOP.user,
      NATS_PASSWORD: SHOP.pass,
      BILLING_TOKEN: token,
      INVOICE_ID: invoiceId,
    };
    const run = (program: string) =>
      Bun.spawn([process.execPath, "-e", program], { cwd: ROOT, env, stdout: "pipe", stderr: "pipe", timeout: 20_000 });
    const asked = run(asking);
    const [out, err] = await Promise.all([new Response(asked.stdout).text(), new Response(asked.stderr).text()]);
    expect([out, err]).toEqual([`{"ok":true,"value":{"invoiceId":"${invoiceId}"}}\n`, ""]);

    const heard = run(hearing);
    let text = "";
    for await (const chunk of heard.stdout.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (text.includes(`invoice/${invoiceId}/2 billing.events.invoice.voided {`)) break;
    }
    expect(text).toContain(`invoice/${invoiceId}/1 billing.events.invoice.issued {`);
    heard.kill();
    await heard.exited;
  });

  /** @param meanwhile what happens while there is no NATS */
  const withoutNats = async (meanwhile: () => Promise<void>): Promise<void> => {
    await server.kill();
    try {
      await meanwhile();
    } finally {
      await server.start();
      const isBack = (asked: Promise<unknown>): Promise<boolean> =>
        asked.then(
          () => true,
          () => false,
        );
      await until("both are connected again", () => isBack(Promise.all([shop.flush(), onStream()])));
    }
  };
  const areOnStream = (what: string, wanted: readonly string[], found: (all: readonly Seen[]) => readonly string[]) =>
    until(what, async () => Bun.deepEquals(found(await onStream()).toSorted(), wanted.toSorted()), 20_000);

  test("its command that the bus had taken comes to something though NATS is killed right then", async () => {
    const { accountId } = await several.viewer();
    const ids = Array.from({ length: 5 }, () => newId("order"));
    for (const id of ids)
      await service.send("commands.invoice.issue", service.written("commands.invoice.issue", id, { accountId }));
    await withoutNats(async () => undefined);
    await areOnStream("each has come to something, and once", ids, (all) =>
      all
        .filter(({ subject }) => subject === "billing.events.command.done")
        .map(({ text }) => String(JSON.parse(text).data.commandId))
        .filter((id) => ids.includes(id)),
    );
  });

  test("hears after an hour without NATS of all that happened in it", async () => {
    const early = await several.viewer();
    const { invoiceId } = await early.subscribes();
    const invoices = [invoiceId];
    await withoutNats(async () => {
      await becomes(several, "api", { bus: "away" });
      // Reads, a subscription, the gateway's check and its payment: none of them needs the bus.
      const viewer = await several.viewer();
      const made = await viewer.subscribes("premium");
      invoices.push(made.invoiceId);
      for (const [who, id] of [
        [viewer, made.invoiceId],
        [early, invoiceId],
      ] as const) {
        expect((await who.pays(id)).result).toBe("success");
        await until("it is paid", async () => {
          await Bun.sleep(100); // A caller is counted.
          return (await who.invoice(id)).status === "paid";
        });
        expect(await who.mayWatch()).toBe(true);
      }
      expect(await several.health("api")).toMatchObject({ ready: 200, parts: { bus: "away", storage: "ready" } });
    });
    const paid = invoices.map((id) => `invoice/${id}`);
    await areOnStream("both payments are on the stream", paid, (all) =>
      all
        .filter(({ subject }) => subject === "billing.events.invoice.paid")
        .map(({ text }) => fact.parse(JSON.parse(text)).subject)
        .filter((subject) => paid.includes(subject)),
    );
  });
});

const nothingThere = (error: unknown): null => {
  if (error instanceof NatsError && error.api_error?.code === 404) return null;
  throw error;
};
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};
