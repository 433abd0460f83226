import type { DomainEvent } from "../../../src/core/billing/domain.ts";
import type { StreamName } from "../../../src/core/billing/stream.ts";
import type { CustomerEvent } from "../../../src/core/customer/customer.ts";
import type { SetupId } from "../../../src/core/ids.ts";
import type { InvoiceEvent } from "../../../src/core/invoice/invoice.ts";
import type { Commit, Storage } from "../../../src/core/ports/storage.ts";
import type { SubscriptionEvent } from "../../../src/core/subscription/subscription.ts";
import type { Instant } from "../../../src/core/time.ts";
import type { Gateway } from "../../support/gateway.ts";
import { accountIn, demand, known, openBooks } from "./books.ts";
import { claimsOnInvoices } from "./invoice-claims.ts";
import { claimsOnAccounts, claimsOnSubscriptions, creditOf, mayWatch } from "./subscription-claims.ts";

/** A storage that also tells what was committed, in order. */
export const told = (storage: Storage, hear: (commit: Commit) => void): Storage => ({
  ...storage,
  commit: async (commits) => {
    const results = await storage.commit(commits);
    for (const [i, commit] of commits.entries()) if (results[i]?.ok) hear(commit);
    return results;
  },
});

/** What a payment for a subscription may come to: it buys something, or it goes back. */
const BOUGHT: ReadonlySet<DomainEvent["type"]> = new Set([
  "TrialStarted",
  "SubscriptionActivated",
  "SubscriptionRenewed",
  "PlanChanged",
  "PaymentTurnedBack",
] as const);

/** Follows the chain of events as it is committed and holds the claims against each of them. */
export const openLedger = (gateway: Gateway) => {
  const books = openBooks();
  const onInvoice = claimsOnInvoices(books, gateway);
  const onSubscription = claimsOnSubscriptions(books);
  const onAccount = claimsOnAccounts(books);
  const setups = new Map<SetupId, "offered" | "over">();
  const seen = new Map<string, number>();
  const count = (what: string) => void seen.set(what, (seen.get(what) ?? 0) + 1);
  let events = 0;

  const hearOne = (stream: StreamName, event: DomainEvent): void => {
    events += 1;
    count(event.type);
    const [kind, id = ""] = stream.split("/");
    if (kind === "invoice") onInvoice(id, event as InvoiceEvent);
    if (kind === "customer") onAccount(id, event as CustomerEvent);
    if (kind === "subscription") onSubscription(id, event as SubscriptionEvent);
    if (kind === "setup") setups.set(id as SetupId, event.type === "SetupOffered" ? "offered" : "over");
  };

  return {
    books,
    seen,
    count,
    counted: () => events,
    /** Newest first. */
    setups: () => [...setups.keys()].reverse(),
    openSetups: () => [...setups].filter(([, status]) => status === "offered"),
    creditOf: (account: string) => creditOf(accountIn(books, account)),
    mayWatch: (account: string, at: Instant) => mayWatch(books, account, at),
    /** I2: by place, how many captures have been kept. What a gateway refused to take back waits for a person. */
    keptCharges: (): ReadonlyMap<string, number> => {
      const kept = new Map<string, number>();
      for (const { invoice, minor, back, dispute, refused } of books.captures.values()) {
        const { slot } = known(books.invoices, invoice);
        const isKept = back < minor && dispute !== "lost" && !refused;
        if (isKept) kept.set(slot, (kept.get(slot) ?? 0) + 1);
      }
      return kept;
    },
    hear: ({ appends }: Commit): void => {
      const facts = appends.flatMap(({ stream, events: happened }) => happened.map((event) => ({ stream, event })));
      for (const { stream, event } of facts) hearOne(stream, event);
      for (const { stream, event } of facts) {
        const invoice = event.type === "InvoicePaid" ? known(books.invoices, stream.slice("invoice/".length)) : null;
        if (invoice === null || invoice.subscription === null) continue;
        const bought = facts.some((one) => BOUGHT.has(one.event.type));
        demand(bought, "a payment buys something, or it goes back", [stream, facts.map((one) => one.event.type)]);
      }
      for (const { status } of books.invoices.values()) count(`invoice ${status}`);
      for (const { status } of books.subscriptions.values()) count(`subscription ${status}`);
    },
  };
};
export type Ledger = ReturnType<typeof openLedger>;
