import { Database } from "bun:sqlite";
import { createHmac } from "node:crypto";
import { join } from "node:path";
import type { FaultName } from "../../src/adapters/sandbox/gateway/faults.ts";
import type { Notification, Transaction } from "../../src/adapters/sandbox/gateway/ledger.ts";
import { until } from "./until.ts";

const MOUNT = "/sandbox/cloudpayments";
const CALLBACKS = "/payments/api/v1/callbacks/cloudpayments";

/** A signed call of the gateway's. */
export type Call = { readonly kind: string; readonly body: string; readonly signature: string };

/**
 * The sandbox's gateway, seen as its owner sees it: the books on disk, the cabinet, the switches of its faults, and calls that
 * are signed with its secret.
 */
export const sandboxAt = (origin: () => string, dataDir: string) => {
  const db = new Database(join(dataDir, "sandbox/gateway.sqlite"), { strict: true });
  db.run("pragma busy_timeout = 5000");
  const fact = (name: string): string =>
    db.query<{ value: string }, [string]>("select value from facts where name = ?").get(name)?.value ?? "";
  const [publicId, apiSecret] = [fact("public_id"), fact("api_secret")];
  const post = (path: string, fields: object): Promise<Response> =>
    fetch(`${origin()}${MOUNT}${path}`, {
      method: "POST",
      headers: {
        authorization: `Basic ${btoa(`${publicId}:${apiSecret}`)}`,
        "content-type": "application/json",
      },
      body: JSON.stringify(fields),
    });
  const transactions = (): readonly Transaction[] =>
    db.query<Transaction, []>("select * from transactions order by id").all();
  const notifications = (): readonly Notification[] =>
    db.query<Notification, []>("select * from notifications order by id").all();

  return {
    apiSecret,
    transactions,
    notifications,
    /** Payments and refunds of one attempt or of one payment, oldest first. */
    movements: (of: string): readonly Transaction[] => transactions().filter(({ invoiceId }) => invoiceId === of),
    /** Makes the next one go wrong, or what else is said. */
    befall: async (
      fault: FaultName,
      how: { readonly operation?: string; readonly times?: number | "all"; readonly ms?: number } = {},
    ): Promise<void> => {
      const switched = await post("/faults", { fault, times: 1, ...how });
      if (switched.status !== 200) throw new Error(`no such fault: ${await switched.text()}`);
    },
    calm: async (): Promise<void> => {
      await post("/faults", { off: true });
    },
    /** Only the cabinet can change this, so it is changed in the books: whether we are asked before a payment. */
    askBefore: (enabled: boolean): void => {
      db.query("insert or replace into subscriptions values ('check', ?, null, 'POST')").run(enabled ? 1 : 0);
    },
    /** Gives money back in the gateway's own console. */
    refund: async (transactionId: number, amount: string): Promise<void> => {
      const made = await post("/payments/refund", { TransactionId: transactionId, Amount: Number(amount) });
      const answer = (await made.json()) as { readonly Success: boolean };
      if (!answer.Success) throw new Error(`not refunded: ${JSON.stringify(answer)}`);
    },
    /** No notification waits any more. */
    toldAll: (): Promise<void> =>
      until("the gateway has told all", () => notifications().every(({ state }) => state !== "pending")),
    /** What the gateway says, or has lost, of a payment; with other values where a test is about them. */
    call: (kind: string, transactionId: number, over: Readonly<Record<string, string>> = {}): Call => {
      const one = notifications().find((each) => each.kind === kind && each.transactionId === transactionId);
      if (one === undefined) throw new Error(`the gateway has said no ${kind} of ${transactionId}`);
      if (Object.keys(over).length === 0) return signed(kind, one.body, apiSecret);
      const fields = new URLSearchParams(one.body);
      for (const [name, value] of Object.entries(over)) fields.set(name, value);
      return signed(kind, fields.toString(), apiSecret);
    },
    signed: (kind: string, body: string, secret = apiSecret): Call => signed(kind, body, secret),
    /** Calls us as the gateway does. */
    tell: async ({ kind, body, signature }: Call, header = "content-hmac"): Promise<Heard> => {
      const answer = await fetch(`${origin()}${CALLBACKS}/${kind}`, {
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded", [header]: signature },
        body,
      });
      const text = await answer.text();
      return {
        status: answer.status,
        code: answer.status === 200 ? (JSON.parse(text) as { code: number }).code : null,
      };
    },
    close: (): void => db.close(),
  };
};
export type Sandbox = ReturnType<typeof sandboxAt>;
type Heard = { readonly status: number; readonly code: number | null };

const signed = (kind: string, body: string, secret: string): Call => ({
  kind,
  body,
  signature: createHmac("sha256", secret).update(body, "utf8").digest("base64"),
});
