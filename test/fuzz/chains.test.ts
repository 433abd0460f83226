import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { z } from "zod";
import { openMemory } from "../../src/adapters/memory/store.ts";
import { newTransaction, payForm, tell } from "./support/cast.ts";
import { type Operation, readDocument } from "./support/document.ts";
import {
  type Answer,
  type Ask,
  type FuzzHouse,
  jsonIn,
  openFuzzHouse,
  type Person,
  signedIn,
} from "./support/house.ts";
import { LONG, SEED, say } from "./support/seed.ts";
import { complaintsOf } from "./support/verdict.ts";

setDefaultTimeout(LONG ? 3_600_000 : 60_000);
const CHAINS = LONG ? 5000 : 30;

const ABSENT = "01h455vb4pex5vsknk084sn02q";
const subscribed = z.object({ subscription: z.object({ id: z.string() }), invoice: z.object({ id: z.string() }) });

/** What we know of one of the two, without having asked. */
type Known = {
  readonly person: Person;
  isIn: boolean;
  subscriptionId: string | null;
  invoiceId: string | null;
  /** The last offer, and what it is to pay. */
  offer: { readonly attemptId: string; readonly invoiceId: string } | null;
  commandId: string | null;
  /** Her last subscription waits to be paid for. */
  waits: boolean;
  /** She has paid for a month, and no month is over here. */
  watches: boolean;
  readonly subscriptions: Set<string>;
  /** By the key that she sent: what was answered to it. */
  readonly told: Map<string, string>;
  /** Of sessions that are over. */
  readonly deadTokens: string[];
};
type Who = "anna" | "boris";
type Act = {
  readonly who: Who;
  readonly whose: Who;
  readonly what: (typeof ACTS)[number];
  readonly key: "one" | "two" | null;
};

const ACTS = [
  "subscribe",
  "offer",
  "pay",
  "pay",
  "stop",
  "undo-stop",
  "read-subscription",
  "read-invoice",
  "read-events",
  "list",
  "access",
  "command",
  "stop-slowly",
  "log-out",
  "log-in",
  "refresh",
  "ask-with-dead-token",
] as const;
const whoever = fc.constantFrom<Who>("anna", "boris");
const anyAct: fc.Arbitrary<Act> = fc
  .record({
    who: whoever,
    // Most of what people ask about is their own.
    isOwn: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
    what: fc.constantFrom(...ACTS),
    key: fc.constantFrom("one", "two", null),
  })
  .map(({ isOwn, ...act }) => ({ ...act, whose: isOwn ? act.who : act.who === "anna" ? "boris" : "anna" }));
/** How far each of them has come before chance takes over. */
const begun: fc.Arbitrary<readonly Act[]> = fc
  .record({
    who: whoever,
    whats: fc.constantFrom<readonly Act["what"][]>([], ["subscribe"], ["subscribe", "offer", "pay"]),
  })
  .map(({ who, whats }) => whats.map((what) => ({ who, whose: who, what, key: null })));
const acts: fc.Arbitrary<readonly Act[]> = fc
  .tuple(begun, begun, fc.array(anyAct, { minLength: 20, maxLength: 60, size: "max" }))
  .map((parts) => parts.flat());

let house: FuzzHouse;
let operations: readonly Operation[];
beforeAll(async () => {
  house = await openFuzzHouse(openMemory());
  operations = await readDocument(house);
});
afterAll(() => house.close());

test("along any chain of two people's acts each sees one's own, and dead tokens open nothing", async () => {
  let [asked, watching] = [0, 0];
  const property = fc.asyncProperty(acts, async (chain) => {
    house.sky.weather = "fine";
    const [anna, boris] = [await newcomer(), await newcomer()];
    for (const act of chain) {
      asked += 1;
      const [asker, owner] =
        act.who === "anna" ? [anna, act.whose === "anna" ? anna : boris] : [boris, act.whose === "anna" ? anna : boris];
      await does(act, asker, owner);
    }
    watching += [anna, boris].filter(({ watches }) => watches).length;
    expect(house.broken).toEqual([]);
  });
  await fc.assert(property, { seed: SEED, numRuns: CHAINS, interruptAfterTimeLimit: LONG ? 3_000_000 : 45_000 });
  say(`chains: FUZZ_SEED=${SEED}, ${asked} acts in ${CHAINS} chains, ${watching} came to watch`);
  expect(watching).toBeGreaterThan(CHAINS / 4);
});

const newcomer = async (): Promise<Known> => ({
  person: await house.newcomer(),
  isIn: true,
  subscriptionId: null,
  invoiceId: null,
  offer: null,
  commandId: null,
  waits: false,
  watches: false,
  subscriptions: new Set(),
  told: new Map(),
  deadTokens: [],
});

/** Asks, and sees to it that the answer is one that the document tells of. */
const hear = async (asked: Ask): Promise<Answer> => {
  const answer = await house.ask(asked);
  expect([asked.method, asked.path, complaintsOf(operations, asked, answer)]).toEqual([asked.method, asked.path, []]);
  expect(answer.status).not.toBe(500);
  return answer;
};
const asking = (
  asker: Known,
  method: string,
  path: string,
  body?: object,
  key: string | null = null,
): Promise<Answer> =>
  hear({
    method,
    path,
    headers: {
      authorization: `Bearer ${asker.person.access}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(key === null ? {} : { "idempotency-key": key }),
    },
    body: body === undefined ? null : JSON.stringify(body),
  });

const SUBSCRIPTIONS = "/subscriptions/api/v1/subscriptions";
const INVOICES = "/payments/api/v1/invoices";

const does = async ({ what, key }: Act, asker: Known, owner: Known): Promise<void> => {
  switch (what) {
    case "subscribe":
      return subscribe(asker, key);
    case "offer":
      return offer(asker, owner, key);
    case "pay":
      return isPaid(asker);
    case "stop":
      return stop(asker, owner);
    case "undo-stop":
      return aboutThing(asker, owner, "POST", `${pathOfSubscription(owner)}/undo-stop`, [200, 409]);
    case "stop-slowly":
      return stopSlowly(asker, owner);
    case "read-subscription":
      return aboutThing(asker, owner, "GET", pathOfSubscription(owner), [200]);
    case "read-invoice":
      return aboutThing(asker, owner, "GET", `${INVOICES}/${idOr("inv", owner.invoiceId)}`, [200]);
    case "read-events":
      return aboutThing(asker, owner, "GET", `${INVOICES}/${idOr("inv", owner.invoiceId)}/events?limit=1`, [200]);
    case "command":
      return aboutThing(
        asker,
        owner,
        "GET",
        `/subscriptions/api/v1/commands/${idOr("cmd", owner.commandId)}`,
        [200, 202],
      );
    case "list":
      return list(asker, owner);
    case "access":
      return access(asker);
    case "log-out":
      return logOut(asker);
    case "log-in":
      return logIn(asker);
    case "refresh":
      return refresh(asker);
    case "ask-with-dead-token":
      return askDead(asker);
  }
};
const idOr = (prefix: string, id: string | null): string => id ?? `${prefix}_${ABSENT}`;
const pathOfSubscription = ({ subscriptionId }: Known): string => `${SUBSCRIPTIONS}/${idOr("sub", subscriptionId)}`;

/** 401 when logged out, 404 of what is not one's own or not there, else one of these. */
const aboutThing = async (
  asker: Known,
  owner: Known,
  method: string,
  path: string,
  own: readonly number[],
): Promise<void> => {
  const { status } = await asking(asker, method, path);
  const isThere = !path.includes(ABSENT);
  const expected = !asker.isIn ? [401] : asker === owner && isThere ? own : [404];
  expect([path, expected.includes(status), status]).toEqual([path, true, status]);
};

const subscribe = async (asker: Known, key: string | null): Promise<void> => {
  const answer = await asking(asker, "POST", SUBSCRIPTIONS, { plan: "basic", consent: true }, key);
  if (!asker.isIn) return expect(answer.status).toBe(401);
  expect([201, 409]).toContain(answer.status);
  const ids = answer.status === 201 ? jsonIn(subscribed, answer) : null;
  const outcome = ids === null ? String(JSON.parse(answer.text).code) : ids.subscription.id;
  // Asked again under its key it is answered with what came of it the first time.
  if (key !== null) expect(outcome).toBe(asker.told.get(key) ?? outcome);
  if (key !== null) asker.told.set(key, outcome);
  if (ids === null || asker.subscriptions.has(ids.subscription.id)) return;
  asker.subscriptions.add(ids.subscription.id);
  Object.assign(asker, { subscriptionId: ids.subscription.id, invoiceId: ids.invoice.id, waits: true });
};

const offer = async (asker: Known, owner: Known, key: string | null): Promise<void> => {
  const answer = await asking(asker, "POST", `${INVOICES}/${idOr("inv", owner.invoiceId)}/pay`, {}, key);
  if (!asker.isIn) return expect(answer.status).toBe(401);
  // A key that was used for another invoice is another thing than an invoice that is not hers.
  if (asker !== owner || owner.invoiceId === null) return expect([404, 422]).toContain(answer.status);
  expect([200, 409, 422]).toContain(answer.status);
  if (answer.status !== 200) return;
  const { attemptId, widget } = jsonIn(
    z.object({ attemptId: z.string(), widget: z.object({ amount: z.number() }) }),
    answer,
  );
  expect(widget.amount).toBe(299);
  asker.offer = { attemptId, invoiceId: owner.invoiceId };
};

/** The gateway tells of a payment by the offer that she has. Whatever else has happened, it is taken. */
const isPaid = async (payer: Known): Promise<void> => {
  const { offer: paid, person, invoiceId } = payer;
  if (paid === null) return;
  const fields = { TransactionId: newTransaction(), InvoiceId: paid.attemptId, AccountId: person.accountId };
  const { status, text } = await tell(house, "pay", payForm(fields));
  await house.settle();
  expect([status, text]).toEqual([200, '{"code":0}']);
  if (payer.waits && paid.invoiceId === invoiceId) Object.assign(payer, { waits: false, watches: true });
};

const stop = async (asker: Known, owner: Known): Promise<void> => {
  await aboutThing(asker, owner, "POST", `${pathOfSubscription(owner)}/stop`, [200]);
  if (asker.isIn) isStopped(asker, owner);
};
const stopSlowly = async (asker: Known, owner: Known): Promise<void> => {
  house.sky.weather = "slow";
  const answer = await asking(asker, "POST", `${pathOfSubscription(owner)}/stop`);
  house.sky.weather = "fine";
  // Whose it is is found out when it is done: until then anybody's order is only accepted.
  expect(answer.status).toBe(asker.isIn ? 202 : 401);
  if (answer.status !== 202) return;
  asker.commandId = jsonIn(z.object({ commandId: z.string() }), answer).commandId;
  await house.settle();
  isStopped(asker, owner);
};
/** What was never paid for ends with the stop; what was paid goes on to its end. */
const isStopped = (asker: Known, owner: Known): void => {
  if (asker === owner) owner.waits = false;
};

const list = async (asker: Known, owner: Known): Promise<void> => {
  for (const path of [SUBSCRIPTIONS, INVOICES]) {
    const { status, text } = await asking(asker, "GET", `${path}?limit=1`);
    expect(status).toBe(asker.isIn ? 200 : 401);
    if (asker === owner) continue;
    for (const theirs of [owner.subscriptionId, owner.invoiceId, owner.person.accountId])
      if (theirs !== null) expect(text).not.toContain(theirs);
  }
};

const access = async (asker: Known): Promise<void> => {
  const answer = await asking(asker, "GET", "/subscriptions/api/v1/access");
  if (!asker.isIn) return expect(answer.status).toBe(401);
  const { allowed } = jsonIn(z.object({ allowed: z.boolean() }), answer);
  expect(allowed).toBe(asker.watches);
};

const logOut = async (asker: Known): Promise<void> => {
  const { status } = await asking(asker, "POST", "/auth/api/v1/logout");
  expect(status).toBe(asker.isIn ? 204 : 401);
  asker.deadTokens.push(asker.person.access);
  asker.isIn = false;
};
const logIn = async (asker: Known): Promise<void> => {
  const { email, password } = asker.person;
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ email, password });
  const answer = await hear({ method: "POST", path: "/auth/api/v1/login", headers, body });
  const { accessToken, refreshToken } = signedIn(answer);
  Object.assign(asker.person, { access: accessToken, refresh: refreshToken });
  asker.isIn = true;
};
const refresh = async (asker: Known): Promise<void> => {
  const asked = { refreshToken: asker.person.refresh };
  const headers = { "content-type": "application/json" };
  const answer = await hear({ method: "POST", path: "/auth/api/v1/refresh", headers, body: JSON.stringify(asked) });
  expect(answer.status).toBe(asker.isIn ? 200 : 401);
  if (answer.status !== 200) return;
  const { accessToken, refreshToken } = signedIn(answer);
  Object.assign(asker.person, { access: accessToken, refresh: refreshToken });
};
const askDead = async ({ deadTokens }: Known): Promise<void> => {
  for (const token of deadTokens) {
    for (const { isMembers, method, path, body } of operations) {
      if (!isMembers) continue;
      const headers = {
        authorization: `Bearer ${token}`,
        ...(body === null ? {} : { "content-type": "application/json" }),
      };
      const asked = {
        method,
        path: path.replace(/\{[^}]+\}/, `inv_${ABSENT}`),
        headers,
        body: body === null ? null : "{}",
      };
      expect((await hear(asked)).status).toBe(401);
    }
  }
};
