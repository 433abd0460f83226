import { z } from "zod";
import type { InvoiceId } from "../../../src/core/ids.ts";
import { answered } from "../../support/cinema.ts";
import type { FuzzHouse, Person } from "./house.ts";
import { hmacOf, jsonIn } from "./house.ts";

const subscribed = z.object({ subscription: z.object({ id: z.string() }), invoice: z.object({ id: z.string() }) });
const offered = z.object({ attemptId: z.string() });
const running = z.object({ commandId: z.string() });

/** Someone who has subscribed, and what is theirs. */
export type Subscriber = Person & {
  readonly subscriptionId: string;
  readonly invoiceId: string;
  /** Still at work: nobody has taken it. */
  readonly runningId: string;
  readonly doneId: string;
};
export type Cast = {
  /** Has paid and watches. */
  readonly anna: Subscriber;
  /** Has not paid. */
  readonly boris: Subscriber;
  /** A session that was logged out of. */
  readonly dead: string;
};

let transactions = 0;
export const newTransaction = (): string => {
  transactions += 1;
  return `${3_100_000_000 + transactions}`;
};

/** A notification of the gateway's, in its own words and signed with its secret. */
export const payForm = (fields: Readonly<Record<string, string>>): string =>
  new URLSearchParams({
    Amount: "299.00",
    Currency: "RUB",
    DateTime: "2026-11-25 12:30:05",
    CardFirstSix: "400000",
    CardLastFour: "3055",
    CardType: "Visa",
    CardExpDate: "12/39",
    TestMode: "1",
    Status: "Completed",
    OperationType: "Payment",
    GatewayName: "Test",
    Token: "tk_0123456789abcdef0123456789abc",
    ...fields,
  }).toString();
export const tell = (house: FuzzHouse, kind: string, body: string, headers: Readonly<Record<string, string>> = {}) =>
  house.ask({
    method: "POST",
    path: `/payments/api/v1/callbacks/cloudpayments/${kind}`,
    headers: { "content-type": "application/x-www-form-urlencoded", "content-hmac": hmacOf(body), ...headers },
    body,
  });

export const subscribes = async (house: FuzzHouse, person: Person) => {
  const answer = await house.askAs(person, "POST", "/subscriptions/api/v1/subscriptions", {
    plan: "basic",
    consent: true,
  });
  const { subscription, invoice } = jsonIn(subscribed, answer);
  return { subscriptionId: subscription.id, invoiceId: invoice.id };
};
/** Opens the window; answers the attempt's id. */
export const offers = async (house: FuzzHouse, person: Person, invoiceId: string): Promise<string> =>
  jsonIn(offered, await house.askAs(person, "POST", `/payments/api/v1/invoices/${invoiceId}/pay`, {})).attemptId;
/** What our own rows say. */
export const invoiceOf = async ({ store }: FuzzHouse, invoiceId: string) => {
  const rows = answered(await store.queries.invoice(invoiceId as InvoiceId));
  if (rows === null) throw new Error(`no invoice ${invoiceId}`);
  return rows;
};
/** Opens the window and pays, as far as the gateway tells us. */
export const pays = async (house: FuzzHouse, person: Person, invoiceId: string): Promise<void> => {
  const attemptId = await offers(house, person, invoiceId);
  await tell(
    house,
    "pay",
    payForm({ TransactionId: newTransaction(), InvoiceId: attemptId, AccountId: person.accountId }),
  );
  await house.settle();
};

export const openCast = async (house: FuzzHouse): Promise<Cast> => {
  const [anna, boris, clara] = [await house.newcomer(), await house.newcomer(), await house.newcomer()];
  const mine = [await subscribes(house, anna), await subscribes(house, boris)];
  await pays(house, anna, mine[0]?.invoiceId ?? "");
  await house.askAs(clara, "POST", "/auth/api/v1/logout");
  const [annas, borises] = [Object.assign(anna, mine[0]), Object.assign(boris, mine[1])];
  const done = [await asksSlowly(house, annas), await asksSlowly(house, borises)];
  await house.settle();
  const running = [await asksSlowly(house, annas), await asksSlowly(house, borises)];
  const commands = (i: number) => ({ doneId: done[i] ?? "", runningId: running[i] ?? "" });
  return { anna: Object.assign(annas, commands(0)), boris: Object.assign(borises, commands(1)), dead: clara.access };
};

/** @returns the id of a command that is accepted, and that nobody takes before all is settled */
const asksSlowly = async (house: FuzzHouse, person: Person & { readonly invoiceId: string }): Promise<string> => {
  house.sky.weather = "slow";
  const answer = await house.askAs(person, "POST", `/payments/api/v1/invoices/${person.invoiceId}/pay`, {});
  house.sky.weather = "fine";
  return jsonIn(running, answer).commandId;
};

/** What has happened just before a request. */
export type Before = "nothing" | "stop" | "undo-stop";
export const happens = async (house: FuzzHouse, { anna }: Cast, before: Before): Promise<void> => {
  if (before === "nothing") return;
  await house.askAs(anna, "POST", `/subscriptions/api/v1/subscriptions/${anna.subscriptionId}/${before}`);
};
