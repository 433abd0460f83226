import { sandboxCredentials } from "../../../src/entrypoints/gateway.ts";
import { type Dice, openDice } from "../../support/dice.ts";
import { CARD } from "../../support/online-viewer.ts";
import { until } from "../../support/until.ts";
import type { Cluster } from "./cluster.ts";
import { newWeather, patientCaller, type Weather } from "./patient-caller.ts";
import { newPayer, type Payer, type Told, watchesSoon } from "./payer.ts";
import { openService, type Service } from "./service.ts";

/** Viewers who come, subscribe, pay and watch, whatever befalls the machines. */
export type Load = {
  readonly told: readonly Told[];
  readonly weather: Weather;
  /** What no fault excuses. */
  readonly surprises: readonly string[];
  readonly counts: Counts;
  /** Everybody's evening comes to its end, and nobody new comes. */
  stop(): Promise<void>;
};
export type Counts = Record<"declined" | "abandoned" | "gaveUp" | "stopped" | "refundsAsked", number>;

/** Between two evenings: two cores also have the servers to run. */
const PAUSE_MS = 300;
const GRANTED_MS = 60_000;
const PAYS_MS = 20_000;

export const startLoad = async (cluster: Cluster, seed: number, viewers: number): Promise<Load> => {
  const weather = newWeather();
  const call = patientCaller(cluster.balancer.origin, weather);
  const service = await openService(cluster.nats.url, cluster.vaultKey);
  const told: Told[] = [];
  const surprises: string[] = [];
  const counts: Counts = { declined: 0, abandoned: 0, gaveUp: 0, stopped: 0, refundsAsked: 0 };
  const gatewayAccount = `cloudpayments:${sandboxCredentials(Uint8Array.from(Buffer.from(cluster.vaultKey, "hex"))).publicId}`;
  const refunds: Promise<void>[] = [];
  let isOver = false;

  const evening = async (dice: Dice): Promise<void> => {
    const payer = await newPayer(call);
    told.push(payer.told);
    const invoiceId = await payer.subscribes();
    const plot = dice.weighted({ abandons: 2, isPoor: 2, isAsked: 2, isClumsy: 1, pays: 5 });
    if (plot === "abandons") {
      await payer.opensWindow(invoiceId).catch(() => null);
      counts.abandoned += 1;
      return;
    }
    if (plot === "isPoor" && (await pressesOnce(payer, invoiceId, CARD.poor)) === "fail") counts.declined += 1;
    if (!(await paysAtLast(payer, invoiceId, plot === "isAsked" ? CARD.threeDs : CARD.good, plot === "isClumsy"))) {
      counts.gaveUp += 1;
      return;
    }
    await until(`access for ${invoiceId}`, () => watchesSoon(payer), GRANTED_MS);
    const next = dice.weighted({ watches: 5, stops: 2, isRefunded: 2, isEnded: 1 });
    if (next === "stops") {
      await payer.stopsRenewing();
      counts.stopped += 1;
    }
    if (next === "isRefunded" || next === "isEnded") {
      payer.told.isToEnd = next === "isEnded";
      counts.refundsAsked += 1;
      // Nobody waits for it.
      refunds.push(
        refund(payer, service, gatewayAccount).catch((error: unknown) => void surprises.push(String(error))),
      );
    }
  };
  const loads = Array.from({ length: viewers }, async (_, viewer) => {
    const dice = openDice(seed + viewer);
    while (!isOver) {
      await evening(dice).catch((error: unknown) => void surprises.push(String(error)));
      await Bun.sleep(PAUSE_MS);
    }
  });
  return {
    told,
    weather,
    surprises,
    counts,
    stop: async () => {
      isOver = true;
      await Promise.all(loads);
      await Promise.all(refunds);
      await service.close();
    },
  };
};

/** Null: the page did not say; what became of it nobody in front of it knows. */
const pressesOnce = async (payer: Payer, invoiceId: string, card: string, twice = false): Promise<string | null> => {
  try {
    const window = await payer.opensWindow(invoiceId);
    if (window === null) return null;
    const result = await payer.pressesPay(window, card);
    if (twice) await payer.pressesPay({ ...window, html: await (await fetch(window.url)).text() }, card);
    return result;
  } catch (error) {
    // What our own API answered is no matter of the gateway's page.
    if (String(error).startsWith("Error: expected")) throw error;
    return null;
  }
};

/**
 * As people do: where the window said no or nothing, it is looked whether it was paid all the same; if not, once more. Who was
 * cut off between the question and the payment may have to wait for a quarter of an hour, and does not.
 */
const paysAtLast = async (payer: Payer, invoiceId: string, card: string, twice: boolean): Promise<boolean> => {
  for (const begun = performance.now(); performance.now() - begun < PAYS_MS; ) {
    const result = await pressesOnce(payer, invoiceId, card, twice);
    if (result === "success") return true;
    await Bun.sleep(500);
    if ((await payer.invoice(invoiceId)).status === "paid") return true;
  }
  return false;
};

const refund = async (payer: Payer, service: Service, gatewayAccount: string): Promise<void> => {
  const invoiceId = payer.told.invoice ?? "";
  const { captures } = await payer.invoice(invoiceId);
  const paid = captures.find(({ role }) => role === "settling");
  if (paid === undefined) throw new Error(`expected a payment of ${invoiceId}, which gives access`);
  const { transactionId, amount } = paid;
  const data = { invoiceId, gatewayAccount, transactionId, amount, access: payer.told.isToEnd ? "end" : "keep" };
  const outcome = await service.ask(`refund-${transactionId}`, "payment.refund", data);
  if (!(outcome as { readonly ok: boolean }).ok)
    throw new Error(`expected a refund of ${transactionId}, came ${JSON.stringify(outcome)}`);
};
