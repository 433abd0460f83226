import type { Accounts } from "../../../src/core/ports/accounts.ts";
import type { Bus, Consumption } from "../../../src/core/ports/bus.ts";
import type { Callbacks } from "../../../src/core/ports/callbacks.ts";
import type { Clock } from "../../../src/core/ports/clock.ts";
import type { Intake } from "../../../src/core/ports/intake.ts";
import type { IntakeBodies } from "../../../src/core/ports/intake-bodies.ts";
import type { Leases } from "../../../src/core/ports/leases.ts";
import type { Limits } from "../../../src/core/ports/limits.ts";
import type { Mail } from "../../../src/core/ports/mail.ts";
import type { Outbox } from "../../../src/core/ports/outbox.ts";
import type { Passwords } from "../../../src/core/ports/passwords.ts";
import type { Payments } from "../../../src/core/ports/payments.ts";
import type { Queries } from "../../../src/core/ports/queries.ts";
import type { RateLimits } from "../../../src/core/ports/rate-limits.ts";
import type { Rebuild } from "../../../src/core/ports/rebuild.ts";
import type { ServiceCommands, Services, ServiceTokens } from "../../../src/core/ports/services.ts";
import type { Storage } from "../../../src/core/ports/storage.ts";
import type { Store } from "../../../src/core/ports/store.ts";
import type { Tasks } from "../../../src/core/ports/tasks.ts";
import type { Tokens } from "../../../src/core/ports/tokens.ts";
import type { Vault } from "../../../src/core/ports/vault.ts";

/** What a member of a port does to the world outside this process. */
export type Class =
  /** Something is changed there, or somebody hears. */
  | { readonly is: "effect"; readonly point: string }
  /** Somebody is asked, and nothing changes. */
  | { readonly is: "read"; readonly point: string }
  /** It is given a function: each call of that function is what can go wrong. */
  | { readonly is: "handler"; readonly point: string }
  /** Computes, counts or waits within this process; a crash before it is the same as one after it. */
  | { readonly is: "inside" };

/** A port with a member that is classed nowhere does not compile. */
export type Classed<Port> = Readonly<Record<keyof Port, Class>>;

const effect = (point: string): Class => ({ is: "effect", point });
const read = (point: string): Class => ({ is: "read", point });
const handler = (point: string): Class => ({ is: "handler", point });
const inside: Class = { is: "inside" };

/** Every port by its name, every member with what it does. Names of points are what the matrix prints. */
export const EFFECT_POINTS = {
  Storage: { load: read("storage.load"), commit: effect("storage.commit"), outcome: read("storage.outcome") },
  Intake: {
    accept: effect("intake.accept"),
    acceptCheck: effect("intake.acceptCheck"),
    due: read("intake.due"),
    toDo: read("intake.toDo"),
    entry: read("intake.entry"),
    wait: effect("intake.wait"),
    suspend: effect("intake.suspend"),
    suspended: read("intake.suspended"),
    replay: effect("intake.replay"),
    untold: read("intake.untold"),
    told: effect("intake.told"),
  },
  Outbox: {
    unrelayed: read("outbox.unrelayed"),
    relayed: effect("outbox.relayed"),
    backlog: read("outbox.backlog"),
    follow: read("outbox.follow"),
  },
  Queries: {
    plans: read("queries.plans"),
    plan: read("queries.plan"),
    customer: read("queries.customer"),
    subscription: read("queries.subscription"),
    subscriptionsOf: read("queries.subscriptionsOf"),
    invoice: read("queries.invoice"),
    invoicesOf: read("queries.invoicesOf"),
    attempt: read("queries.attempt"),
    capture: read("queries.capture"),
    access: read("queries.access"),
    accessRows: read("queries.accessRows"),
    events: read("queries.events"),
    due: read("queries.due"),
    mismatches: read("queries.mismatches"),
  },
  Vault: {
    keep: effect("vault.keep"),
    open: read("vault.open"),
    forget: effect("vault.forget"),
    erase: effect("vault.erase"),
    dropExpired: effect("vault.dropExpired"),
  },
  Accounts: {
    create: effect("accounts.create"),
    byEmail: read("accounts.byEmail"),
    account: read("accounts.account"),
    rehash: effect("accounts.rehash"),
    openSession: effect("accounts.openSession"),
    session: read("accounts.session"),
    rotate: effect("accounts.rotate"),
    endSession: effect("accounts.endSession"),
  },
  Bus: {
    publish: effect("bus.publish"),
    beat: effect("bus.beat"),
    subscribe: handler("bus.heard"),
    ring: effect("bus.ring"),
    answerRings: handler("bus.rung"),
    hint: effect("bus.hint"),
    takeHints: handler("bus.hinted"),
    tellOutcome: effect("bus.tellOutcome"),
    awaitOutcome: inside,
  },
  Consumption: { stop: inside },
  Services: {
    takeCommands: handler("services.command"),
    tell: effect("services.tell"),
    answerQueries: inside,
  },
  ServiceTokens: { sign: inside, read: inside },
  // The format of commands on the bus: computes.
  ServiceCommands: { parse: inside },
  Tasks: { add: effect("tasks.add"), work: handler("tasks.run"), schedule: handler("tasks.step") },
  Payments: {
    gatewayAccount: inside,
    widget: inside,
    charge: effect("payments.charge"),
    // The gateway hears, although nothing of ours moves.
    find: effect("payments.find"),
    list: effect("payments.list"),
    refund: effect("payments.refund"),
    void: effect("payments.void"),
  },
  // What a gateway calls us for comes through the HTTP door: see DOORS.
  Callbacks: { gateway: inside, gatewayAccount: inside, read: inside, answer: inside },
  Mail: { send: effect("mail.send") },
  Rebuild: { rebuild: effect("rebuild.rebuild") },
  Leases: { hold: effect("leases.hold"), release: effect("leases.release") },
  // Its ports are classed above, each by itself.
  Store: {
    storage: inside,
    intake: inside,
    outbox: inside,
    queries: inside,
    vault: inside,
    accounts: inside,
    leases: inside,
    rebuild: effect("rebuild.rebuild"),
    remember: effect("store.remember"),
    wallTime: read("store.wallTime"),
    close: inside,
  },
  Clock: { now: inside },
  Digest: inside,
  IntakeBodies: { print: inside, parse: inside, printUnread: inside, printForeign: inside },
  Limits: { count: inside, begin: inside, succeed: inside },
  Passwords: { hash: inside, verify: inside, verifyNobody: inside },
  RateLimits: { take: inside },
  // A line of the log that a dead process has not written is told by the facts again.
  Reports: inside,
  RowsOf: inside,
  Tokens: {
    signAccess: inside,
    readAccess: inside,
    newRefresh: inside,
    hashRefresh: inside,
    newSessionId: inside,
    newAccountId: inside,
  },
} as const satisfies {
  readonly Storage: Classed<Storage>;
  readonly Intake: Classed<Intake>;
  readonly Outbox: Classed<Outbox>;
  readonly Queries: Classed<Queries>;
  readonly Vault: Classed<Vault>;
  readonly Accounts: Classed<Accounts>;
  readonly Bus: Classed<Bus>;
  readonly Consumption: Classed<Consumption>;
  readonly Services: Classed<Services>;
  readonly ServiceTokens: Classed<ServiceTokens>;
  readonly ServiceCommands: Classed<ServiceCommands>;
  readonly Tasks: Classed<Tasks>;
  readonly Payments: Classed<Payments>;
  readonly Callbacks: Classed<Callbacks>;
  readonly Mail: Classed<Mail>;
  readonly Rebuild: Classed<Rebuild>;
  readonly Leases: Classed<Leases>;
  readonly Store: Classed<Store>;
  readonly Clock: Classed<Clock>;
  readonly Digest: Class;
  readonly IntakeBodies: Classed<IntakeBodies>;
  readonly Limits: Classed<Limits>;
  readonly Passwords: Classed<Passwords>;
  readonly RateLimits: Classed<RateLimits>;
  readonly Reports: Class;
  readonly RowsOf: Class;
  readonly Tokens: Classed<Tokens>;
};

/** Ways in that are no port: a request of a viewer's, a call of the gateway's. */
export const DOORS = { request: "door.request", callback: "door.callback" } as const;

/** All points by name, with what is done there. */
export const POINTS: ReadonlyMap<string, Exclude<Class["is"], "inside"> | "door"> = new Map([
  ...Object.values(EFFECT_POINTS)
    .flatMap((members): readonly Class[] => (isClass(members) ? [members] : Object.values(members)))
    .flatMap((member) => (member.is === "inside" ? [] : [[member.point, member.is] as const])),
  ...Object.values(DOORS).map((point) => [point, "door"] as const),
]);
function isClass(members: Class | Readonly<Record<string, Class>>): members is Class {
  return typeof members.is === "string";
}

/**
 * Ports of `src/core/ports` that the table does not know, and names of the table that are no port any more. A port is an
 * interface, an object type with a method, or a function type.
 * @param sources texts by file name
 */
export const unclassedPorts = (
  sources: Readonly<Record<string, string>>,
  table: Readonly<Record<string, unknown>>,
): readonly string[] => {
  const declared = new Map(
    Object.entries(sources).flatMap(([file, source]) => portsOf(source).map((port) => [port, file] as const)),
  );
  return [
    ...[...declared].filter(([port]) => !Object.hasOwn(table, port)).map(([port, file]) => `${port} of ${file}`),
    ...Object.keys(table)
      .filter((port) => !declared.has(port))
      .map((port) => `${port} of no file`),
  ];
};

const portsOf = (source: string): readonly string[] => [
  ...[...source.matchAll(/^export interface (\w+)/gm)].map(([, name = ""]) => name),
  ...[...source.matchAll(/^export type (\w+)(?:<[^=]*>)? = \{\n([\s\S]*?)^\};/gm)]
    .filter(([, , body = ""]) => /^ {2}\w+(?:<[^\n]*>)?\(/m.test(body))
    .map(([, name = ""]) => name),
  ...[...source.matchAll(/^export type (\w+)(?:<[^=]*>)? = (?:<[^=]*>)?\(.*=>/gm)].map(([, name = ""]) => name),
];
