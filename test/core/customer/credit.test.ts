import { describe, expect, test } from "bun:test";
import { availableCredit, evolve } from "../../../src/core/customer/customer.ts";
import { Bug } from "../../../src/core/result.ts";
import {
  addCredit,
  after,
  creditOf,
  erase,
  free,
  given,
  invoice,
  knownAfter,
  minute,
  PAYER,
  reserve,
  rub,
  spend,
  subscription,
  usd,
} from "../../support/customer.ts";

const HELD = [addCredit(), reserve()]; // 100 roubles, 60 of them for the first invoice

describe("credit", () => {
  test("names where it came from: a change, a refund, or a member of the staff with a reason", () => {
    const source = { from: "change", invoiceId: invoice(3), subscriptionId: subscription(1) } as const;
    const at = minute(1);
    given()
      .when(addCredit({ source, at }))
      .yields({ type: "CreditAdded", accountId: PAYER, amount: rub(100), source, at });
  });

  test("is reserved at issue, and what is reserved is not free for another invoice", () => {
    const state = after(...HELD);
    expect(creditOf(state)).toEqual({ balance: 10_000n, reserved: 6_000n });
    expect(availableCredit(state, "RUB")).toEqual(rub(40));
    given(...HELD)
      .when(reserve({ invoiceId: invoice(2), amount: rub(40.01) }))
      .refuses({ code: "credit_too_small", available: rub(40) });
  });

  test("is reserved by several invoices at once, up to the last kopeck", () => {
    const both = [...HELD, reserve({ invoiceId: invoice(2), amount: rub(40) })];
    expect(availableCredit(after(...both), "RUB")).toEqual(rub(0));
    given(...both)
      .when(reserve({ invoiceId: invoice(3), amount: rub(0.01) }))
      .refuses({ code: "credit_too_small", available: rub(0) });
  });

  test("is spent when its invoice is paid: no more and no less than was reserved", () => {
    const at = minute(1);
    const spent = given(...HELD).when(spend({ at }));
    spent.yields({ type: "CreditSpent", invoiceId: invoice(1), amount: rub(60), at });
    expect(creditOf(spent.state)).toEqual({ balance: 4_000n, reserved: 0n });
  });

  test("is free again when its invoice is closed unpaid", () => {
    const at = minute(1);
    const freed = given(...HELD).when(free({ at }));
    freed.yields({ type: "CreditFreed", invoiceId: invoice(1), amount: rub(60), at });
    expect(creditOf(freed.state)).toEqual({ balance: 10_000n, reserved: 0n });
  });

  test("is spent or freed once: what is told again, or of another invoice, changes nothing", () => {
    given(...HELD, spend())
      .when(spend())
      .changesNothing();
    given(...HELD, spend())
      .when(free())
      .changesNothing();
    given(...HELD, free())
      .when(spend())
      .changesNothing();
    given(...HELD)
      .when(spend({ invoiceId: invoice(2) }))
      .changesNothing();
  });

  test("is reserved once for an invoice, also when another sum is told", () => {
    given(...HELD)
      .when(reserve({ amount: rub(1) }))
      .changesNothing();
  });

  test("of one currency never pays in another", () => {
    const both = [...HELD, addCredit({ amount: usd(5) })];
    expect(availableCredit(after(...both), "RUB")).toEqual(rub(40));
    expect(availableCredit(after(...both), "USD")).toEqual(usd(5));
    given(...HELD)
      .when(reserve({ invoiceId: invoice(2), amount: usd(0.01) }))
      .refuses({ code: "credit_too_small", available: usd(0) });
    expect(knownAfter(...both, addCredit({ amount: usd(1) })).credits.map(({ currency }) => currency)).toEqual([
      "RUB",
      "USD",
    ]);
  });

  test("of an unknown customer is none", () => {
    expect(availableCredit(after(), "RUB")).toEqual(rub(0));
    given()
      .when(reserve())
      .refuses({ code: "credit_too_small", available: rub(0) });
  });
});

describe("credit of an erased customer", () => {
  test("stays in the books, and what had been reserved is spent or freed as it would have been", () => {
    expect(creditOf(after(...HELD, erase()))).toEqual({ balance: 10_000n, reserved: 6_000n });
    expect(creditOf(after(...HELD, erase(), spend()))).toEqual({ balance: 4_000n, reserved: 0n });
    expect(creditOf(after(...HELD, erase(), free()))).toEqual({ balance: 10_000n, reserved: 0n });
    expect(creditOf(after(...HELD, erase(), addCredit()))).toEqual({ balance: 20_000n, reserved: 6_000n });
  });

  test("is offered to no new invoice, for none may reserve it", () => {
    expect(availableCredit(after(...HELD, erase()), "RUB")).toEqual(rub(0));
    given(...HELD, erase())
      .when(reserve({ invoiceId: invoice(2), amount: rub(1) }))
      .refuses({ code: "customer_erased" });
  });
});

test("a log in which credit does not fit is a bug, never a guess", () => {
  const [held, at] = [after(...HELD), minute(1)];
  const invoiceId = invoice(1);
  expect(() => evolve(held, { type: "CreditSpent", invoiceId, amount: rub(59), at })).toThrow(Bug);
  expect(() => evolve(held, { type: "CreditFreed", invoiceId: invoice(2), amount: rub(60), at })).toThrow(Bug);
  const reserved = { type: "CreditReserved", accountId: PAYER, invoiceId: invoice(2), at } as const;
  expect(() => evolve(held, { ...reserved, amount: rub(40.01) })).toThrow(Bug);
  expect(() => evolve(held, { ...reserved, amount: usd(1) })).toThrow(Bug);
});
