import { decide as decidePlan, type Plan, type PlanCommand, type PlanRefusal } from "../catalog/plan.ts";
import {
  type Customer,
  type CustomerCommand,
  type CustomerRefusal,
  decide as decideCustomer,
} from "../customer/customer.ts";
import { decide as decideSetup, type Setup, type SetupCommand, type SetupRefusal } from "../customer/setup.ts";
import type { AccountId, InvoiceId, PlanCode, SetupId, SubscriptionId } from "../ids.ts";
import { decide as decideInvoice } from "../invoice/decide.ts";
import type { Invoice, InvoiceCommand, InvoiceRefusal } from "../invoice/invoice.ts";
import type { BillingPolicy } from "../policy.ts";
import type { Append, Commit, Loaded } from "../ports/storage.ts";
import { invariant, ok, type Result } from "../result.ts";
import { decide as decideSubscription } from "../subscription/decide.ts";
import type { Subscription, SubscriptionCommand, SubscriptionRefusal } from "../subscription/subscription.ts";
import type { DomainEvent, State } from "./domain.ts";
import { apply, fold, initialState } from "./fold.ts";
import { linksOf } from "./links.ts";
import { difference } from "./projection.ts";
import { rowsOf } from "./rows.ts";
import {
  customerStream,
  invoiceStream,
  planStream,
  type StreamKind,
  type StreamName,
  setupStream,
  subscriptionStream,
} from "./stream.ts";

export type MachineRefusal = PlanRefusal | CustomerRefusal | SetupRefusal | SubscriptionRefusal | InvoiceRefusal;
export type Happened = { readonly stream: StreamName; readonly event: DomainEvent; readonly before: State };
type Ran = Result<null, MachineRefusal>;

/**
 * The desk of one decision: the streams that were loaded, what it read of them, and what it has decided so far. All of it
 * becomes one commit: streams with new events are appended to, those that were only read are expected to stand still.
 */
export type Workspace = {
  plan(code: PlanCode): Plan;
  customer(id: AccountId): Customer;
  subscription(id: SubscriptionId): Subscription;
  invoice(id: InvoiceId): Invoice;
  /** As it was loaded, before anything was decided here. */
  invoiceBefore(id: InvoiceId): Invoice;
  setup(id: SetupId): Setup;
  onPlan(code: PlanCode, command: PlanCommand): Ran;
  onCustomer(id: AccountId, command: CustomerCommand): Ran;
  onSubscription(id: SubscriptionId, command: SubscriptionCommand): Ran;
  onInvoice(id: InvoiceId, command: InvoiceCommand): Ran;
  onSetup(id: SetupId, command: SetupCommand): Ran;
  /** Every stream that was read or written so far. */
  touched(): readonly StreamName[];
  /** The next fact that nobody has followed up yet, in the order in which they happened. */
  next(): Happened | null;
  changes(): Pick<Commit, "appends" | "expects">;
};

type StateOf = { [Kind in StreamKind]: Extract<State, { kind: Kind }>["state"] };
type Sheet = { readonly version: number; readonly before: State; state: State; readonly events: DomainEvent[] };

export const openWorkspace = (loaded: Loaded, policy: BillingPolicy): Workspace => {
  const sheets = new Map<StreamName, Sheet>();
  const happened: Happened[] = [];

  const sheet = (stream: StreamName): Sheet => {
    const open = sheets.get(stream);
    if (open !== undefined) return open;
    const known = loaded.get(stream);
    const before = known === undefined ? initialState(stream) : fold(stream, known.events);
    const made: Sheet = { version: known?.version ?? 0, before, state: before, events: [] };
    sheets.set(stream, made);
    return made;
  };
  const read = <Kind extends StreamKind>(stream: StreamName, kind: Kind): StateOf[Kind] => {
    const { state } = sheet(stream);
    invariant(state.kind === kind, `${stream} holds a ${kind}`);
    return state.state as StateOf[Kind];
  };
  const write = (stream: StreamName, decision: Result<readonly DomainEvent[], MachineRefusal>): Ran => {
    if (!decision.ok) return decision;
    const target = sheet(stream);
    for (const event of decision.value) {
      happened.push({ stream, event, before: target.state });
      target.state = apply(target.state, event);
      target.events.push(event);
    }
    return ok(null);
  };

  return {
    plan: (code) => read(planStream(code), "plan"),
    customer: (id) => read(customerStream(id), "customer"),
    subscription: (id) => read(subscriptionStream(id), "subscription"),
    invoice: (id) => read(invoiceStream(id), "invoice"),
    invoiceBefore: (id) => {
      const { before } = sheet(invoiceStream(id));
      invariant(before.kind === "invoice", "an invoice's stream holds an invoice");
      return before.state;
    },
    setup: (id) => read(setupStream(id), "setup"),
    onPlan: (code, command) => write(planStream(code), decidePlan(command, read(planStream(code), "plan"))),
    onCustomer: (id, command) =>
      write(customerStream(id), decideCustomer(command, read(customerStream(id), "customer"))),
    onSubscription: (id, command) =>
      write(subscriptionStream(id), decideSubscription(command, read(subscriptionStream(id), "subscription"), policy)),
    onInvoice: (id, command) => write(invoiceStream(id), decideInvoice(command, read(invoiceStream(id), "invoice"))),
    onSetup: (id, command) => write(setupStream(id), decideSetup(command, read(setupStream(id), "setup"))),
    touched: () => [...sheets.keys()],
    next: () => happened.shift() ?? null,
    changes: () => {
      const appends: Append[] = [];
      const expects: { stream: StreamName; version: number }[] = [];
      for (const [stream, { version, before, state, events }] of sheets) {
        if (events.length === 0) expects.push({ stream, version });
        else {
          const changes = difference(rowsOf(before, policy), rowsOf(state, policy));
          appends.push({ stream, expected: version, events, changes, links: linksOf(state) });
        }
      }
      return { appends, expects };
    },
  };
};
