import { describe, expect, test } from "bun:test";
import { jwtServiceTokens } from "../../../src/adapters/crypto/service-tokens.ts";
import { openMemory } from "../../../src/adapters/memory/store.ts";
import { intakeBodies } from "../../../src/adapters/wire/intake-bodies.ts";
import { serviceCommands } from "../../../src/adapters/wire/service-commands.ts";
import { billing } from "../../../src/core/billing/billing.ts";
import { DEFAULT_POLICY } from "../../../src/core/policy.ts";
import type { Report } from "../../../src/core/ports/reports.ts";
import type { SentCommand, ServiceOutcome } from "../../../src/core/ports/services.ts";
import { err, ok, type Result } from "../../../src/core/result.ts";
import { HOUR_MS, plusMs } from "../../../src/core/time.ts";
import { commandDoor } from "../../../src/core/work/command-door.ts";
import { tellServices } from "../../../src/core/work/tell-services.ts";
import { updater } from "../../../src/core/work/updater.ts";
import { accountNamed, answered, GATEWAY, MOSCOW, START, sha256 } from "../../support/cinema.ts";

const tokens = await jwtServiceTokens(new Uint8Array(32).fill(7));
const SHOP = await tokens.sign("shop", START, plusMs(START, HOUR_MS));
const ANNA = accountNamed("anna");

/** A house that other services reach: its door, its State Updater, and what it has told. */
const openOffice = () => {
  const store = openMemory();
  const told: ServiceOutcome[] = [];
  const reports: Report[] = [];
  let isBusAway = false;
  const now = () => START;
  const services = {
    tell: async (
      outcomes: readonly ServiceOutcome[],
    ): Promise<Result<null, { code: "bus_unavailable"; detail: string }>> => {
      if (isBusAway) return err({ code: "bus_unavailable", detail: "away" });
      told.push(...outcomes);
      return ok(null);
    },
  };
  const common = {
    intake: store.intake,
    bodies: intakeBodies,
    reports: (report: Report) => void reports.push(report),
    now,
  };
  const door = commandDoor({
    ...common,
    services,
    bus: { ring: async () => ok(null) },
    tokens,
    commands: serviceCommands,
    digest: sha256,
  });
  const state = billing({
    storage: store.storage,
    clock: { now: async () => START },
    digest: sha256,
    policy: DEFAULT_POLICY,
    gatewayAccount: GATEWAY,
  });
  const updating = updater({
    ...common,
    billing: state,
    bus: { tellOutcome: async () => ok(null) },
    onCommitted: () => undefined,
    onServed: () => undefined,
    log: () => undefined,
  });
  return {
    store,
    door,
    told,
    reports,
    busAway: (away: boolean) => {
      isBusAway = away;
    },
    settle: async () => {
      while (await updating.sweep());
      return tellServices(store.intake, services);
    },
    aside: async () => answered(await store.intake.suspended(10)),
  };
};

const message = (
  name: string,
  data: unknown,
  { id = "order-7", token = SHOP, ...over }: Partial<SentCommand> & { readonly id?: string } = {},
): SentCommand => ({
  type: name,
  payload: new TextEncoder().encode(
    JSON.stringify({ specversion: "1.0", id, source: "shop", type: `billing.commands.${name}`, data }),
  ),
  token,
  replyTo: "_INBOX.abc",
  sentAt: START,
  ...over,
});
const ARRANGE = { accountId: ANNA, plan: "none", zone: MOSCOW, consent: null };
const arranging = (over: Parameters<typeof message>[2] = {}) => message("subscription.arrange", ARRANGE, over);

describe("A command of another service", () => {
  test("is in the database before the bus may forget it, is executed by the service's right, and its sender is told", async () => {
    const { store, door, settle, told } = openOffice();
    expect(await door.take(arranging())).toEqual({ status: "taken" });
    const [entry] = answered(await store.intake.due(START, 10));
    expect(entry?.sender).toEqual({ service: "shop", commandId: "order-7", replyTo: "_INBOX.abc" });
    expect(JSON.parse(entry?.body ?? "")).toMatchObject({
      actor: { kind: "service", name: "shop" },
      command: { type: "subscription.start" },
    });
    await settle();
    expect(told).toMatchObject([
      {
        service: "shop",
        commandId: "order-7",
        command: "subscription.start",
        replyTo: "_INBOX.abc",
        outcome: { ok: false, refusal: { code: "plan_not_found" } },
      },
    ]);
    await settle();
    expect(told).toHaveLength(1);
  });

  test("that comes five times has one effect and is answered each time, the same", async () => {
    const { store, door, settle, told } = openOffice();
    await door.take(arranging());
    expect(await door.take(arranging())).toMatchObject({ status: "later" });
    await settle();
    for (let again = 0; again < 4; again += 1) expect(await door.take(arranging())).toEqual({ status: "taken" });
    expect(told).toHaveLength(5);
    expect(new Set(told.map(({ id, outcome, at }) => JSON.stringify([id, outcome, at]))).size).toBe(1);
    expect(answered(await store.intake.due(START, 10))).toEqual([]);
  });

  test("under an id that its sender has used for another is refused; another service's id is another", async () => {
    const { door, settle, told } = openOffice();
    await door.take(arranging());
    await settle();
    await door.take(message("subscription.arrange", { ...ARRANGE, plan: "other" }));
    expect(told.at(-1)).toMatchObject({ outcome: { ok: false, refusal: { code: "command_id_reused" } } });
    const other = await tokens.sign("crm", START, plusMs(START, HOUR_MS));
    expect(await door.take(message("subscription.arrange", { ...ARRANGE, plan: "other" }, { token: other }))).toEqual({
      status: "taken",
    });
    await settle();
    expect(told.at(-1)).toMatchObject({ service: "crm", outcome: { refusal: { code: "plan_not_found" } } });
  });

  test("that it has no right to is refused when it is executed, and told so", async () => {
    const { door, settle, told } = openOffice();
    await door.take(message("plan.archive", { plan: "premium" }));
    await settle();
    expect(told).toMatchObject([{ outcome: { ok: false, refusal: { code: "forbidden" } } }]);
  });

  test("waits with its answer while the bus is away, and is told afterwards", async () => {
    const { door, settle, told, busAway } = openOffice();
    await door.take(arranging());
    busAway(true);
    await settle();
    expect(told).toEqual([]);
    busAway(false);
    await settle();
    expect(told).toHaveLength(1);
  });

  test("stays with the bus while the database is away", async () => {
    const { store, door } = openOffice();
    const fault = { code: "storage_unavailable", detail: "" } as const;
    Object.assign(store.intake, { accept: async () => err(fault) });
    for (const sent of [arranging(), arranging({ token: null }), message("x.y", {})])
      expect(await door.take(sent)).toMatchObject({ status: "later", because: "storage_unavailable" });
  });
});

describe("What cannot be executed is put aside with its reason, and its sender is told", () => {
  const forged = `${SHOP.slice(0, -4)}AAAA`;
  test.each([
    ["shows nothing", { token: null }],
    ["shows a forged token", { token: forged }],
    ["shows a token that was over when it was sent", { sentAt: plusMs(START, 2 * HOUR_MS) }],
  ])("a sender that %s", async (_, over) => {
    const { door, aside, told, reports } = openOffice();
    expect(await door.take(arranging(over))).toEqual({ status: "taken" });
    expect(await aside()).toMatchObject([{ kind: "command", sender: null, reason: "unauthenticated" }]);
    expect(told).toMatchObject([
      {
        service: null,
        commandId: "order-7",
        replyTo: "_INBOX.abc",
        outcome: { ok: false, refusal: { code: "unauthenticated" } },
      },
    ]);
    expect(reports).toMatchObject([{ level: "alarm", what: "command_put_aside" }]);
    expect(JSON.stringify(await aside())).not.toContain(forged);
  });

  test("a token that was good when its command was sent is good however long that waited", async () => {
    const { door, aside } = openOffice();
    await door.take(arranging({ sentAt: plusMs(START, HOUR_MS - 1000) }));
    expect(await aside()).toEqual([]);
  });

  test.each([
    "billing.commands.invoice.annul",
    "$JS.API.STREAM.DELETE.BILLING_EVENTS",
    "billing.replies.crm.x",
    "a b",
    "",
  ])("an answer to %p, which would go where its reader could not write", async (replyTo) => {
    const { door, aside, told } = openOffice();
    await door.take(arranging({ replyTo }));
    expect(await aside()).toMatchObject([{ reason: "reply_to_not_allowed" }]);
    expect(told).toMatchObject([{ replyTo: null, outcome: { refusal: { code: "reply_to_not_allowed" } } }]);
  });

  test("of those who show nothing none is answered below a service's own subject", async () => {
    const { door, told } = openOffice();
    await door.take(arranging({ token: null, replyTo: "billing.replies.shop.x" }));
    expect(told).toMatchObject([{ replyTo: null }]);
    await door.take(arranging({ replyTo: "billing.replies.shop.x" }));
  });

  test("a message that fits no command; the same one again is the same row", async () => {
    const { door, aside, told } = openOffice();
    const bent = message("invoice.annul", { invoiceId: "none" });
    for (let twice = 0; twice < 2; twice += 1) expect(await door.take(bent)).toEqual({ status: "taken" });
    const [kept, ...more] = await aside();
    expect(more).toEqual([]);
    expect(kept?.reason).toContain("malformed: ");
    expect(kept?.reason).toContain("/data/invoiceId");
    expect(told[0]).toMatchObject({
      service: "shop",
      commandId: "order-7",
      outcome: { refusal: { code: "malformed" } },
    });
  });

  test("noise that is not even JSON", async () => {
    const { door, aside } = openOffice();
    const noise = { ...arranging(), payload: new Uint8Array([0, 255, 0, 123]) };
    expect(await door.take(noise)).toEqual({ status: "taken" });
    expect(await aside()).toHaveLength(1);
  });

  test("a command of a newer version, which a replay has executed once this one can read it", async () => {
    const { store, door, aside, settle, told } = openOffice();
    await door.take(message("invoice.bless", { invoiceId: "inv_1" }));
    const [kept] = await aside();
    expect(JSON.parse(kept?.body ?? "")).toEqual({
      actor: { kind: "service", name: "shop" },
      command: { type: "invoice.bless", invoiceId: "inv_1" },
    });
    if (kept === undefined) throw new Error("it was put aside");
    answered(await store.intake.replay(kept.id));
    // Not yet: it comes back with a reason.
    await settle();
    expect((await aside())[0]?.reason).toContain("malformed");
    expect(told).toHaveLength(1);
  });

  test("what our own code broke on", async () => {
    const { door, aside } = openOffice();
    expect(await door.putAside(arranging(), "Bug: broke")).toEqual({ status: "taken" });
    expect(await aside()).toMatchObject([{ reason: "Bug: broke" }]);
  });
});
