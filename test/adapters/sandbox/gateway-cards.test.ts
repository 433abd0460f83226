import { expect, test } from "bun:test";
import fc from "fast-check";
import { readCard } from "../../../src/adapters/sandbox/gateway/cards.ts";
import { decimalOf, minorOf } from "../../../src/adapters/sandbox/gateway/sums.ts";
import { openWorld } from "./merchant.ts";

const NO_MONEY = 5051;
/** As the gateway documents them: number, 3-D Secure, payment, charge by the token (null: there is none). */
const DOCUMENTED: readonly (readonly [number: string, threeDs: boolean, payment: number, byToken: number | null])[] = [
  ["4242 4242 4242 4242", true, 0, 0],
  ["5555 5555 5555 4444", true, 0, 0],
  ["2200 0000 0000 0004", true, 0, 0],
  ["4012 8888 8888 1881", true, NO_MONEY, null],
  ["5105 1051 0510 5100", true, NO_MONEY, null],
  ["2202 2022 0220 2200", true, NO_MONEY, null],
  ["4000 0000 0000 3055", false, 0, 0],
  ["5205 0000 0000 3055", false, 0, 0],
  ["2202 0000 0000 3055", false, 0, 0],
  ["4111 1111 1111 1111", false, 0, NO_MONEY],
  ["5200 8282 8282 8210", false, 0, NO_MONEY],
  ["2200 0000 2222 2222", false, 0, NO_MONEY],
  ["4000 0566 5566 5556", false, NO_MONEY, null],
  ["5404 0000 0000 0043", false, NO_MONEY, null],
  ["2203 0000 0000 0043", false, NO_MONEY, null],
];

test.each(DOCUMENTED)("the card %s behaves as documented", async (number, threeDs, payment, byToken) => {
  await using world = await openWorld();
  const { transaction, wasChallenged } = await world.pay(number);
  expect(wasChallenged).toBe(threeDs);
  expect(transaction).toMatchObject({ reasonCode: payment, status: payment === 0 ? "Completed" : "Declined" });
  expect(transaction.token === null).toBe(byToken === null);
  if (byToken === null) return;
  const charged = await world.charge(transaction.token);
  expect(charged).toMatchObject({ Success: byToken === 0, Model: { ReasonCode: byToken } });
});

test("a 3-D Secure card that its holder does not approve is declined", async () => {
  await using world = await openWorld();
  const { key } = await world.press("4242424242424242");
  expect(world.gateway.ledger.transactions()[0]?.status).toBe("AwaitingAuthentication");
  await world.submit("/widget/3ds", { key, answer: "refuse" });
  await world.submit("/widget/3ds", { key, answer: "approve" });
  await world.gateway.idle();
  expect(world.gateway.ledger.transactions()).toMatchObject([{ status: "Declined", reasonCode: 5206 }]);
  expect(world.merchant.kinds()).toEqual(["check", "fail"]);
});

test("an expired card is declined", async () => {
  await using world = await openWorld({ now: () => Date.UTC(2030, 0, 1) });
  const { transaction } = await world.pay("4000000000003055", { form: { expiry: "12/29" } });
  expect(transaction).toMatchObject({ status: "Declined", reasonCode: 5054 });
});

test("a saved card expires at the end of its month", async () => {
  let now = Date.UTC(2029, 10, 1);
  await using world = await openWorld({ now: () => now });
  const { transaction } = await world.pay("4000000000003055", { form: { expiry: "12/29" } });
  now = Date.UTC(2030, 0, 1) - 1;
  expect((await world.charge(transaction.token)).Success).toBe(true);
  now += 1;
  expect((await world.charge(transaction.token)).Model.ReasonCode).toBe(5054);
});

test("a valid number that nobody documents succeeds without 3-D Secure", async () => {
  await using world = await openWorld();
  const { transaction, wasChallenged } = await world.pay("4539 5787 6362 1486");
  expect({ status: transaction.status, wasChallenged }).toEqual({ status: "Completed", wasChallenged: false });
});

test("a chosen reason declines a good card", async () => {
  await using world = await openWorld();
  const { transaction } = await world.pay("4000000000003055", { form: { outcome: "5005" } });
  expect(transaction).toMatchObject({ status: "Declined", reasonCode: 5005, token: null });
});

test("the same card of the same account has the same token, of another account another", async () => {
  await using world = await openWorld();
  const first = await world.pay("4000000000003055");
  const again = await world.pay("4000 0000 0000 3055");
  const other = await world.pay("4000000000003055", { intent: { userInfo: { accountId: "acc_2" } } });
  expect(first.transaction.token).toMatch(/^tk_[0-9a-f]{29}$/);
  expect(again.transaction.token).toBe(first.transaction.token);
  expect(other.transaction.token).not.toBe(first.transaction.token);
  expect((await world.charge(other.transaction.token)).Message).toBe("Token not found");
});

test("without the wish to save it a card leaves no token", async () => {
  await using world = await openWorld();
  const { transaction } = await world.pay("4000000000003055", { intent: { tokenize: false } });
  expect(transaction.token).toBeNull();
  expect(world.gateway.ledger.cards()).toEqual([]);
});

test("one wrong digit never passes for a card", () => {
  const typed = (number: string) => readCard({ number, expiry: "12/39", cvc: "123", holder: "" });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 1, max: 9 }), (place, shift) => {
      const digits = [..."4539578763621486"];
      digits[place] = String((Number(digits[place]) + shift) % 10);
      expect(typed(digits.join(""))).toEqual(["number"]);
    }),
  );
});

test("a sum is read back as it was written", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 999_999_999_999 }), (minor) => {
      expect(minorOf(decimalOf(minor))).toBe(minor);
      expect(Math.round(Number(decimalOf(minor)) * 100)).toBe(minor);
    }),
  );
});

test.each(["0", "0.00", "-1", "1.001", "1e3", "", "1,50", "12345678901", " 1", "0x10"])("%p is no sum", (text) => {
  expect(minorOf(text)).toBeNull();
});
