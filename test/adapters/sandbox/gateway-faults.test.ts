import { expect, test } from "bun:test";
import { CARD, CODE, openWorld } from "./merchant.ts";

const CHARGE = "/payments/tokens/charge";
const charges = (world: Awaited<ReturnType<typeof openWorld>>) =>
  world.gateway.ledger.transactions().filter(({ initiator }) => initiator !== null);
const outcome = (answer: Promise<Response>): Promise<number | string> =>
  answer
    .then(
      async (response) => {
        await response.text();
        return response.status;
      },
      () => "broken",
    )
    .catch(() => "broken");
const chargeOf = (token: string) => ({ Amount: 499, AccountId: "acc_1", Token: token, TrInitiatorCode: 0 });

test("lost_answer: the money moves, the connection breaks, and the same id answers what happened", async () => {
  await using world = await openWorld();
  const token = await world.token();
  world.gateway.faults.switchOn({ fault: "lost_answer", operation: CHARGE });
  const how = { requestId: "att_2" };
  expect(await outcome(world.request(CHARGE, chargeOf(token), how))).toBe("broken");
  expect(charges(world)).toMatchObject([{ status: "Completed" }]);
  expect((await world.call(CHARGE, chargeOf(token), how)).Model.TransactionId).toBe(charges(world)[0]?.id);
  expect(charges(world)).toHaveLength(1);
});

test("never_arrives: the connection breaks just the same, and nothing has moved", async () => {
  await using world = await openWorld();
  const token = await world.token();
  world.gateway.faults.switchOn({ fault: "never_arrives", operation: CHARGE });
  expect(await outcome(world.request(CHARGE, chargeOf(token)))).toBe("broken");
  expect(charges(world)).toEqual([]);
});

test.each(["429", "500"] as const)("%s: an answer with that status, and nothing has moved", async (fault) => {
  await using world = await openWorld();
  const token = await world.token();
  world.gateway.faults.switchOn({ fault, operation: CHARGE });
  expect(await outcome(world.request(CHARGE, chargeOf(token)))).toBe(Number(fault));
  expect(charges(world)).toEqual([]);
  expect((await world.charge(token)).Success).toBe(true);
});

test("html: the money moves, and a page comes in place of the answer", async () => {
  await using world = await openWorld();
  const token = await world.token();
  world.gateway.faults.switchOn({ fault: "html", operation: CHARGE });
  const answer = await world.request(CHARGE, chargeOf(token));
  expect(answer.headers.get("content-type")).toStartWith("text/html");
  expect(charges(world)).toHaveLength(1);
});

test("slow: what the caller has given up on still happens, later", async () => {
  await using world = await openWorld();
  const token = await world.token();
  await world.gateway.idle();
  world.gateway.faults.switchOn({ fault: "slow", operation: CHARGE, ms: 150 });
  const authorization = `Basic ${btoa(`${world.gateway.publicId}:${world.gateway.apiSecret}`)}`;
  const headers = { authorization, "content-type": "application/json" };
  const body = JSON.stringify({ ...chargeOf(token), InvoiceId: "att_2" });
  const signal = AbortSignal.timeout(30);
  expect(await outcome(fetch(`${world.url}${CHARGE}`, { method: "POST", headers, body, signal }))).toBe("broken");
  expect((await world.call("/payments/find", { InvoiceId: "att_2" })).Message).toBe("Not found");
  await world.gateway.idle();
  expect((await world.call("/payments/find", { InvoiceId: "att_2" })).Model.Status).toBe("Completed");
});

test("slow: a request that nobody waits for any more keeps its place, and what it asked for is told when it is done", async () => {
  await using world = await openWorld({ mostInFlight: 1 });
  const token = await world.token();
  await world.gateway.idle();
  world.gateway.faults.switchOn({ fault: "slow", operation: CHARGE, ms: 150 });
  const authorization = `Basic ${btoa(`${world.gateway.publicId}:${world.gateway.apiSecret}`)}`;
  const headers = { authorization, "content-type": "application/json", "x-request-id": "att_2" };
  const body = JSON.stringify({ ...chargeOf(token), InvoiceId: "att_2" });
  const ask = (signal: AbortSignal) =>
    outcome(fetch(`${world.url}${CHARGE}`, { method: "POST", headers, body, signal }));
  expect(await ask(AbortSignal.timeout(30))).toBe("broken");
  expect([(await world.request("/test")).status, charges(world)]).toEqual([429, []]);
  await world.gateway.idle();
  expect(charges(world)).toMatchObject([{ status: "Completed", invoiceId: "att_2" }]);
  expect(world.merchant.heard("pay").at(-1)?.fields["InvoiceId"]).toBe("att_2");
  // Whoever asks under the same id learns of it, and nothing more moves.
  expect(await ask(AbortSignal.timeout(5000))).toBe(200);
  expect(charges(world)).toHaveLength(1);
});

test("slow: five minutes are the most that a request takes", async () => {
  await using world = await openWorld();
  const status = async (ms: number) =>
    (await world.request("/faults", { fault: "slow", operation: "/test", ms })).status;
  expect([await status(300_000), await status(300_001), await status(-1)]).toEqual([200, 400, 400]);
  expect(world.gateway.faults.active()).toMatchObject([{ fault: "slow", ms: 300_000 }]);
});

test("duplicate: the same notification comes twice", async () => {
  await using world = await openWorld({ askBefore: false });
  world.gateway.faults.switchOn({ fault: "duplicate", operation: "pay" });
  await world.pay(CARD.good);
  await world.gateway.idle();
  const [first, second, ...others] = world.merchant.heard("pay");
  expect(others).toEqual([]);
  expect(second?.raw).toBe(first?.raw ?? "");
});

test("reorder: a notification comes behind the next one", async () => {
  await using world = await openWorld({ askBefore: false });
  world.gateway.faults.switchOn({ fault: "reorder", operation: "pay" });
  const heldFromMs = Date.now();
  const { transaction } = await world.pay(CARD.good);
  await world.call("/payments/refund", { TransactionId: transaction.id, Amount: 1 });
  await world.gateway.idle();
  expect(world.merchant.kinds()).toEqual(["refund", "pay"]);
  // The next one freed it; it has not waited for its five seconds to end.
  expect(world.gateway.ledger.notifications()[0]?.dueAt).toBeLessThan(heldFromMs + 5000);
});

test("reorder: a notification that no other follows comes all the same, after five seconds", async () => {
  await using world = await openWorld({ askBefore: false });
  world.gateway.faults.switchOn({ fault: "reorder" });
  const heldFromMs = Date.now();
  await world.pay(CARD.good);
  const [held] = world.gateway.ledger.notifications();
  expect(held).toMatchObject({ kind: "pay", state: "pending", held: true });
  expect(held?.dueAt).toBeGreaterThanOrEqual(heldFromMs + 5000);
  expect(held?.dueAt).toBeLessThanOrEqual(Date.now() + 5000);
});

test("lost: a notification never comes, and the money has moved", async () => {
  await using world = await openWorld({ askBefore: false });
  world.gateway.faults.switchOn({ fault: "lost", operation: "pay" });
  const { transaction } = await world.pay(CARD.good);
  await world.gateway.idle();
  expect(transaction.status).toBe("Completed");
  expect(world.merchant.heard()).toEqual([]);
  expect(world.gateway.ledger.notifications()).toMatchObject([{ state: "lost" }]);
});

test("wrong_amount: Pay tells more than was paid, well signed; the ledger knows better", async () => {
  await using world = await openWorld();
  world.gateway.faults.switchOn({ fault: "wrong_amount" });
  const { transaction } = await world.pay(CARD.good);
  await world.gateway.idle();
  expect(world.merchant.heard("check")[0]?.fields["Amount"]).toBe("499.00");
  expect(world.merchant.heard("pay")[0]).toMatchObject({
    isSigned: true,
    fields: { Amount: "500.00", PaymentAmount: "500.00" },
  });
  expect(transaction.minor).toBe(49_900);
});

test("only_authorised: money that should have been taken is held", async () => {
  await using world = await openWorld();
  const token = await world.token();
  world.gateway.faults.switchOn({ fault: "only_authorised", times: 2 });
  expect((await world.charge(token)).Model.Status).toBe("Authorized");
  expect((await world.pay(CARD.good)).transaction.status).toBe("Authorized");
  expect((await world.charge(token)).Model.Status).toBe("Completed");
  await world.gateway.idle();
  expect(world.merchant.heard("pay").map(({ fields }) => fields["Status"])).toEqual([
    "Completed",
    "Authorized",
    "Authorized",
    "Completed",
  ]);
});

test("a fault hits as often as it was told to, and only what it names", async () => {
  await using world = await openWorld();
  world.gateway.faults.switchOn({ fault: "500", times: 2, operation: "/test" });
  const status = async (path: string) => (await world.request(path)).status;
  expect(await status("/payments/tokens/list")).toBe(200);
  expect([await status("/test"), await status("/test"), await status("/test")]).toEqual([500, 500, 200]);
});

test("a fault for all lasts until it is switched off", async () => {
  await using world = await openWorld();
  world.gateway.faults.switchOn({ fault: "429", times: "all" });
  for (let time = 0; time < 3; time += 1) expect((await world.request("/test")).status).toBe(429);
  world.gateway.faults.switchOff("429");
  expect((await world.request("/test")).status).toBe(200);
});

test("faults are switched over HTTP with the API's secret, and shown on the page", async () => {
  await using world = await openWorld();
  expect((await fetch(`${world.url}/faults`, { method: "POST" })).status).toBe(401);
  const form = { fault: "slow", times: "all", operation: "/test", ms: "7" };
  const answer = await world.request("/faults", form, { form: true });
  expect(await answer.json()).toMatchObject({ Success: true, Model: [{ ...form, ms: 7 }] });
  expect(await (await world.page("/")).text()).toContain("<td>slow, 7 ms</td><td>all</td><td>/test</td>");
  await world.request("/faults", { off: true });
  expect(world.gateway.faults.active()).toEqual([]);
});

test.each([
  [{ fault: "fire" }, "Invalid fault value"],
  [{ fault: "lost", times: 0 }, "Invalid times value"],
  [{ fault: "lost", times: "many" }, "Invalid times value"],
])("a switch of %j is refused", async (fields, message) => {
  await using world = await openWorld();
  const answer = await world.request("/faults", fields);
  expect([answer.status, await answer.json()]).toEqual([400, { Success: false, Message: message }]);
  expect(world.gateway.faults.active()).toEqual([]);
});

test("another site can't switch faults with a browser that knows the secret", async () => {
  await using world = await openWorld();
  const authorization = `Basic ${btoa(`${world.gateway.publicId}:${world.gateway.apiSecret}`)}`;
  const headers = { authorization, "sec-fetch-site": "cross-site" };
  const answer = await world.gateway.fetch(
    new Request(`${world.url}/faults`, { method: "POST", headers, body: new URLSearchParams({ fault: "lost" }) }),
  );
  expect(answer.status).toBe(403);
});

test("the page shows what has happened and what is still to be told", async () => {
  await using world = await openWorld({ askBefore: false, ladderMs: [60_000] });
  world.merchant.answers(() => CODE(1));
  const { transaction } = await world.pay(CARD.poor, { intent: { externalId: "<b>att</b>" } });
  while (world.gateway.ledger.notifications()[0]?.attempts !== 1) await Bun.sleep(1);
  const shown = await (await world.page("/")).text();
  expect(shown).toContain(`<td>${transaction.id}</td>`);
  expect(shown).toContain("Declined: 5051 InsufficientFunds");
  expect(shown).toContain("Notifications to be delivered: 1");
  expect(shown).toContain("&lt;b&gt;att&lt;/b&gt;");
  expect(shown).toContain(world.gateway.publicId);
  expect(shown).not.toContain(world.gateway.apiSecret);
});
