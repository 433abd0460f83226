import { openPglite } from "../../src/adapters/postgres/store.ts";
import type { Store } from "../../src/core/ports/store.ts";
import { accountNamed, answered, commandNamed, MOSCOW, openCinema, PREMIUM, payer } from "../support/cinema.ts";

// A process that others kill. Opens the folder, tells which of the viewers from `from` to `to` it finds there, then signs up
// viewers from `to` on, telling each as soon as it is committed, until it is killed or its input ends.

/** Sign-ups at the same time. */
export const LANES = 4;
export const MASTER_KEY = new Uint8Array(32).fill(7);
export const nameOf = (n: number): string => `viewer ${n}`;

/** Whether a viewer's sign-up has been committed as a whole, or not at all. */
export const lookFor = async (store: Store, n: number): Promise<"whole" | "absent" | "half"> => {
  const accountId = accountNamed(nameOf(n));
  const recorded = answered(await store.storage.outcome(commandNamed(nameOf(n))));
  const told = recorded?.outcome.ok === true ? recorded.outcome.value : {};
  const subscriptions = answered(await store.queries.subscriptionsOf(accountId, { after: null, limit: 2 }));
  const invoices = answered(await store.queries.invoicesOf(accountId, { after: null, limit: 2 }));
  const events = answered(await store.queries.events(`customer/${accountId}`, 0, 10));
  const parts = [recorded, ...subscriptions, ...invoices, ...events].filter((part) => part !== null);
  if (parts.length === 0) return "absent";
  const fits =
    subscriptions.length === 1 &&
    subscriptions[0]?.subscriptionId === told["subscriptionId"] &&
    invoices.length === 1 &&
    invoices[0]?.invoiceId === told["invoiceId"] &&
    events.length > 0;
  return fits ? "whole" : "half";
};

const write = async (folder: string, from: number, to: number): Promise<void> => {
  const store = await openPglite({ folder, masterKey: MASTER_KEY, groupCommit: true });
  const tell = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  for (let n = from; n < to; n += 1) tell(`${await lookFor(store, n)} ${n}`);
  tell("open");
  const cinema = openCinema(store);
  await cinema.sell();
  let next = to;
  let open = true;
  const lane = async (): Promise<void> => {
    while (open) {
      const n = next++;
      const accountId = accountNamed(nameOf(n));
      const start = { type: "subscription.start", accountId, plan: PREMIUM, zone: MOSCOW, consent: null } as const;
      cinema.told(await cinema.ask(payer(accountId), start, nameOf(n)));
      tell(`signed ${n}`);
    }
  };
  const lanes = Promise.all(Array.from({ length: LANES }, lane));
  for await (const _ of Bun.stdin.stream());
  open = false;
  await lanes;
  await store.close();
};

if (import.meta.main) {
  const [folder = "", from = "0", to = "0"] = process.argv.slice(2);
  await write(folder, Number(from), Number(to));
}
