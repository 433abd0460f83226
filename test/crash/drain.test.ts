import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { sandboxCredentials } from "../../src/entrypoints/gateway.ts";
import { openDatabase } from "../checker/database.ts";
import { hasOwnNats } from "../support/own-nats.ts";
import { hasOwnPostgres } from "../support/own-postgres.ts";
import { hasOwnRedis } from "../support/own-redis.ts";
import { sandboxAt } from "../support/sandbox.ts";
import { until } from "../support/until.ts";
import { type Cluster, openCluster } from "./chaos/cluster.ts";
import { becomesQuiet, booksDiffer, hoursGoBy } from "./chaos/end.ts";
import type { Node } from "./chaos/node.ts";
import { newWeather, patientCaller } from "./chaos/patient-caller.ts";
import { newPayer, type Payer, type Told, watchesSoon } from "./chaos/payer.ts";
import { openService, type Service } from "./chaos/service.ts";
import { type Ask, startTraffic } from "./chaos/traffic.ts";

/** Whoever runs us kills what has not ended by itself after so long. */
const DRAINED_MS = 25_000;
const PAUSE_MS = 60;
const SLOW_MS = 60_000;

describe.skipIf(!hasOwnPostgres || !hasOwnNats || !hasOwnRedis)("Told to stop", () => {
  let cluster: Cluster;
  let service: Service;
  const told: Told[] = [];
  beforeAll(async () => {
    cluster = await openCluster();
    service = await openService(cluster.nats.url, cluster.vaultKey);
  }, SLOW_MS);
  // Whatever the others have left behind, in whichever order they came.
  afterAll(async () => {
    try {
      await service.close();
      await becomesQuiet(cluster);
      await Promise.all(cluster.nodes.filter(({ kind }) => kind !== "sandbox").map((node) => node.kill()));
      expect(await hoursGoBy(cluster)).toEqual([]);
      expect(await booksDiffer(cluster, told)).toEqual([]);
    } finally {
      await cluster.close();
    }
  }, SLOW_MS);
  const theOf = (kind: "api" | "consumer" | "cron", place: 0 | 1): Node => {
    const node = cluster.of(kind)[place];
    if (node === undefined) throw new Error(`there are two of ${kind}`);
    return node;
  };
  const paidPayer = async (): Promise<Payer> => {
    const payer = await newPayer(patientCaller(cluster.balancer.origin, newWeather()));
    told.push(payer.told);
    const window = await payer.opensWindow(await payer.subscribes());
    if (window === null) throw new Error("nobody has paid yet");
    expect(await payer.pressesPay(window)).toBe("success");
    await until("access", () => watchesSoon(payer));
    return payer;
  };
  const refunds = async (payer: Payer): Promise<unknown> => {
    const invoiceId = payer.told.invoice ?? "";
    const [paid] = (await payer.invoice(invoiceId)).captures;
    const { publicId } = sandboxCredentials(Uint8Array.from(Buffer.from(cluster.vaultKey, "hex")));
    const { transactionId = "", amount } = paid ?? {};
    const data = { invoiceId, gatewayAccount: `cloudpayments:${publicId}`, transactionId, amount, access: "keep" };
    return service.ask(`refund-${transactionId}`, "payment.refund", data);
  };
  /** How a process ended that was told to, and after how long. */
  const ends = async (
    node: Node,
    signal: "SIGTERM" | "SIGINT",
  ): Promise<{ exitCode: number | null; tookMs: number }> => {
    const begun = performance.now();
    node.signal(signal);
    const exitCode = await node.exited();
    return { exitCode, tookMs: performance.now() - begun };
  };

  test.each([0, 1] as const)(
    "an API fails nobody whose request it took, under load of connections that are kept (%d)",
    async (place) => {
      const [api, other] = [theOf("api", place), theOf("api", place === 0 ? 1 : 0)];
      const asks = await asksOf(cluster, await Promise.all([paidPayer(), paidPayer(), paidPayer()]));
      const traffic = startTraffic(api.port, other.port, asks, PAUSE_MS);
      await until("it is at work", () => traffic.answered().first > asks.length * 10);
      const ending = ends(api, "SIGTERM");
      await until("it is ready for nothing new", async () => (await readyAt(api)) === 503, 900);
      const { exitCode, tookMs } = await ending;
      await traffic.stop();
      await api.start();
      expect(traffic.failures()).toEqual([]);
      expect(traffic.answered().last).toBe(asks.length);
      expect(exitCode).toBe(0);
      expect(tookMs).toBeLessThan(DRAINED_MS);
      process.stdout.write(`${api.name}: ${traffic.answered().first} answers, gone after ${Math.round(tookMs)} ms\n`);
    },
    SLOW_MS,
  );

  test(
    "a caller who waits for an outcome is answered by an API that was told to stop",
    async () => {
      const payer = await paidPayer();
      const consumers = cluster.of("consumer");
      for (const consumer of consumers) consumer.freeze();
      const api = theOf("api", 0);
      const path = `/subscriptions/api/v1/subscriptions/${payer.told.subscription}/stop`;
      const headers = { authorization: `Bearer ${payer.told.token}`, "idempotency-key": crypto.randomUUID() };
      const asked = fetch(`${api.url}${path}`, { method: "POST", headers });
      await Bun.sleep(200);
      const ending = ends(api, "SIGTERM");
      expect((await asked).status).toBe(202);
      expect((await ending).exitCode).toBe(0);
      for (const consumer of consumers) consumer.thaw();
      await api.start();
    },
    SLOW_MS,
  );

  test(
    "a consumer ends in good order under load, and nothing is lost",
    async () => {
      const paying = Promise.all(Array.from({ length: 8 }, paidPayer));
      await Bun.sleep(300);
      for (const place of [0, 1] as const) {
        const consumer = theOf("consumer", place);
        const { exitCode, tookMs } = await ends(consumer, "SIGTERM");
        expect(exitCode).toBe(0);
        expect(tookMs).toBeLessThan(DRAINED_MS);
        await consumer.start();
      }
      await paying;
    },
    SLOW_MS,
  );

  test(
    "a cron finishes the call to the gateway that is under way",
    async () => {
      const payer = await paidPayer();
      await befall(cluster, { fault: "slow", operation: "/payments/refund", ms: 3000 });
      // It may be told of later than it is sent: outcomes wait for a consumer that was killed with the lease to tell them.
      const asked = refunds(payer);
      const isSent = async (): Promise<boolean> => (await statusOfRefund(cluster, payer)) === "in_flight";
      await until("it is sent", isSent);
      const crons = cluster.of("cron");
      const ended = await Promise.all(crons.map((cron) => ends(cron, "SIGTERM")));
      expect(ended.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
      expect(await statusOfRefund(cluster, payer)).toBe("done");
      expect(await asked).toMatchObject({ ok: true });
      await Promise.all(crons.map((cron) => cron.start()));
    },
    SLOW_MS,
  );

  test(
    "two crons send no refund twice, also when all that Redis knows is lost again and again",
    async () => {
      const payers = await Promise.all(Array.from({ length: 6 }, paidPayer));
      const asking = Promise.all(payers.map(refunds));
      let isAsked = false;
      const flushing = (async () => {
        while (!isAsked) {
          await cluster.redis.flush();
          await Bun.sleep(30);
        }
      })();
      await asking;
      const isDone = async (payer: Payer): Promise<boolean> => (await statusOfRefund(cluster, payer)) === "done";
      await until("all are done", async () => (await Promise.all(payers.map(isDone))).every(Boolean), 30_000);
      isAsked = true;
      await flushing;
    },
    SLOW_MS,
  );

  test.each(["api", "consumer", "cron"] as const)(
    "of a terminal nobody is waited for (%s)",
    async (kind) => {
      const node = theOf(kind, 1);
      const { exitCode, tookMs } = await ends(node, "SIGINT");
      await node.start();
      expect(exitCode).toBe(0);
      expect(tookMs).toBeLessThan(5000);
    },
    SLOW_MS,
  );

  test.each([
    ["api", "SIGTERM", 143],
    ["consumer", "SIGINT", 130],
    ["cron", "SIGTERM", 143],
  ] as const)(
    "a second signal ends it at once (%s)",
    async (kind, second, wanted) => {
      const node = theOf(kind, 0);
      node.signal("SIGTERM");
      await Bun.sleep(200);
      const { exitCode, tookMs } = await ends(node, second);
      await node.start();
      expect(exitCode).toBe(wanted);
      expect(tookMs).toBeLessThan(500);
    },
    SLOW_MS,
  );
});

/** Many reads, some writes with a key, and what the gateway says once more. */
const asksOf = async (cluster: Cluster, payers: readonly Payer[]): Promise<readonly (() => Ask)[]> => {
  const books = sandboxAt(() => cluster.sandboxOrigin, cluster.dataDir);
  const secret = sandboxCredentials(Uint8Array.from(Buffer.from(cluster.vaultKey, "hex"))).apiSecret;
  const asks = payers.flatMap(({ told }) => {
    const headers = { authorization: `Bearer ${told.token}` };
    const [payment] = books.movements(told.attempts[0] ?? "");
    const { kind, body, signature } = books.signed("pay", books.call("pay", payment?.id ?? 0).body, secret);
    const read =
      (path: string): (() => Ask) =>
      () => ({ method: "GET", path, headers, isRight: ({ status }) => status === 200 });
    let writes = 0;
    return [
      read("/subscriptions/api/v1/access"),
      read(`/payments/api/v1/invoices/${told.invoice}`),
      (): Ask => {
        writes += 1;
        return {
          method: "POST",
          path: `/subscriptions/api/v1/subscriptions/${told.subscription}/${writes % 2 === 0 ? "undo-stop" : "stop"}`,
          headers: { ...headers, "idempotency-key": crypto.randomUUID() },
          isRight: ({ status }) => status === 200 || status === 202,
        };
      },
      (): Ask => ({
        method: "POST",
        path: `/payments/api/v1/callbacks/cloudpayments/${kind}`,
        headers: { "content-type": "application/x-www-form-urlencoded", "content-hmac": signature },
        body,
        isRight: ({ status, text }) => status === 200 && text === '{"code":0}',
      }),
    ];
  });
  books.close();
  return asks;
};

const readyAt = async ({ url }: Node): Promise<number> => (await fetch(`${url}/health/ready`)).status;

const statusOfRefund = async (cluster: Cluster, payer: Payer): Promise<unknown> => {
  const { query, close } = await openDatabase(cluster.databaseUrl);
  const [row] = await query(`select status from billing.refunds where invoice_id = '${payer.told.invoice}'`);
  await close();
  return row?.["status"];
};

const befall = async (cluster: Cluster, fault: object): Promise<void> => {
  const { publicId, apiSecret } = sandboxCredentials(Uint8Array.from(Buffer.from(cluster.vaultKey, "hex")));
  const headers = { authorization: `Basic ${btoa(`${publicId}:${apiSecret}`)}`, "content-type": "application/json" };
  const body = JSON.stringify(fault);
  const switched = await fetch(`${cluster.sandboxOrigin}/sandbox/cloudpayments/faults`, {
    method: "POST",
    headers,
    body,
  });
  expect(switched.status).toBe(200);
};
