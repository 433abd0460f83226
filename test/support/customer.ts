import { expect } from "bun:test";
import type { Actor } from "../../src/core/actor.ts";
import {
  type Customer,
  type CustomerCommand,
  type CustomerEvent,
  type CustomerRefusal,
  decide,
  evolve,
  initial,
  type KnownCustomer,
} from "../../src/core/customer/customer.ts";
import type { AccountId, CardId, GatewayAccount, InvoiceId, SubscriptionId } from "../../src/core/ids.ts";
import { type Currency, type Money, money } from "../../src/core/money.ts";
import { Bug } from "../../src/core/result.ts";
import { type Instant, instantOf, MINUTE_MS, plusMs } from "../../src/core/time.ts";

/** Monday, when every story begins. */
export const MON = instantOf(Date.UTC(2026, 2, 2, 9));
export const minute = (count: number): Instant => plusMs(MON, count * MINUTE_MS);
export const rub = (roubles: number): Money => money(BigInt(Math.round(roubles * 100)), "RUB");
export const usd = (dollars: number): Money => money(BigInt(Math.round(dollars * 100)), "USD");

const id = <Id extends string>(prefix: string, number: number): Id =>
  `${prefix}_${String(number).padStart(26, "0")}` as Id;
export const PAYER: AccountId = id("acc", 1);
export const subscription = (number: number): SubscriptionId => id("sub", number);
export const invoice = (number: number): InvoiceId => id("inv", number);
export const card = (number: number): CardId => id("crd", number);
export const GATEWAY = "acme:main" as GatewayAccount;
export const OTHER_GATEWAY = "acme:old" as GatewayAccount;
export const STAFF: Actor = { kind: "staff", name: "st-7", role: "support" };

type Of<Union, Type extends string> = Extract<Union, { readonly type: Type }>;
type Builder<Type extends CustomerCommand["type"]> = (
  over?: Partial<Omit<Of<CustomerCommand, Type>, "type">>,
) => Of<CustomerCommand, Type>;
/** Builders show only the fields that a test is about. */
const command =
  <Type extends CustomerCommand["type"]>(usual: Of<CustomerCommand, Type>): Builder<Type> =>
  (over = {}) => ({ ...usual, ...over });

const at = MON;
const accountId = PAYER;
const cardId = card(1);
const invoiceId = invoice(1);
const subscriptionId = subscription(1);
export const take = command<"TakeSubscription">({
  type: "TakeSubscription",
  accountId,
  subscriptionId,
  place: "current",
  at,
});
export const release = command<"ReleaseSubscription">({ type: "ReleaseSubscription", subscriptionId, at });
export const useTrial = command<"UseTrial">({ type: "UseTrial", at });
export const consent = command<"GiveConsent">({ type: "GiveConsent", accountId, textVersion: "v1", at });
export const withdraw = command<"WithdrawConsent">({ type: "WithdrawConsent", accountId, at });
export const saveCard = command<"SaveCard">({ type: "SaveCard", accountId, cardId, gatewayAccount: GATEWAY, at });
export const removeCard = command<"RemoveCard">({ type: "RemoveCard", cardId, at });
export const preferCard = command<"PreferCard">({ type: "PreferCard", cardId, at });
export const blockCard = command<"BlockCard">({ type: "BlockCard", cardId, at });
export const addCredit = command<"AddCredit">({
  type: "AddCredit",
  accountId,
  amount: rub(100),
  source: { from: "staff", actor: STAFF, reason: "an evening without sound" },
  at,
});
export const reserve = command<"ReserveCredit">({ type: "ReserveCredit", accountId, invoiceId, amount: rub(60), at });
export const spend = command<"SpendCredit">({ type: "SpendCredit", invoiceId, at });
export const free = command<"FreeCredit">({ type: "FreeCredit", invoiceId, at });
export const claim = command<"ClaimCharge">({ type: "ClaimCharge", invoiceId, cardId, byPayer: false, at });
export const dispute = command<"OpenDispute">({ type: "OpenDispute", accountId, invoiceId, at });
export const closeDispute = command<"CloseDispute">({ type: "CloseDispute", invoiceId, at });
export const erase = command<"EraseCustomer">({ type: "EraseCustomer", accountId, actor: STAFF, at });

export const run = (state: Customer, asked: CustomerCommand) => {
  const decision = decide(asked, state);
  return { decision, state: decision.ok ? decision.value.reduce(evolve, state) : state };
};
/** The state after commands that must all be accepted. */
export const after = (...commands: readonly CustomerCommand[]): Customer =>
  commands.reduce<Customer>((state, asked) => {
    const { decision, state: next } = run(state, asked);
    if (!decision.ok) throw new Bug(`${asked.type} was refused on the way: ${decision.error.code}`);
    return next;
  }, initial);
export const knownAfter = (...commands: readonly CustomerCommand[]): KnownCustomer => {
  const state = after(...commands);
  if (state.status === "absent") throw new Bug("a test looks at a customer who is there");
  return state;
};
export const given = (...commands: readonly CustomerCommand[]) => ({
  when: (asked: CustomerCommand) => {
    const { decision, state } = run(after(...commands), asked);
    return {
      yields: (...events: readonly CustomerEvent[]) => expect(decision).toEqual({ ok: true, value: events }),
      changesNothing: () => expect(decision).toEqual({ ok: true, value: [] }),
      refuses: (error: CustomerRefusal) => expect(decision).toEqual({ ok: false, error }),
      state,
    };
  },
});

/** All credit of a customer in one currency: what is there, and what is reserved of it. */
export const creditOf = (state: Customer, currency: Currency = "RUB") => {
  const credit = state.status === "absent" ? undefined : state.credits.find((one) => one.currency === currency);
  const reserved = credit?.reservations.reduce((all, { amount }) => all + amount.minor, 0n) ?? 0n;
  return { balance: credit?.balance.minor ?? 0n, reserved };
};
