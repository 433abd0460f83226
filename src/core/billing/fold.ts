import * as plans from "../catalog/plan.ts";
import * as customers from "../customer/customer.ts";
import * as setups from "../customer/setup.ts";
import { evolve as evolveInvoice } from "../invoice/evolve.ts";
import { type InvoiceEvent, initial as initialInvoice } from "../invoice/invoice.ts";
import { Bug } from "../result.ts";
import { evolve as evolveSubscription, initial as initialSubscription } from "../subscription/evolve.ts";
import type { SubscriptionEvent } from "../subscription/subscription.ts";
import type { DomainEvent, State } from "./domain.ts";
import { kindOf, type StreamName } from "./stream.ts";

/** The state of a stream before its first event. */
export const initialState = (stream: StreamName): State => {
  switch (kindOf(stream)) {
    case "plan":
      return { kind: "plan", state: plans.initial };
    case "customer":
      return { kind: "customer", state: customers.initial };
    case "setup":
      return { kind: "setup", state: setups.initial };
    case "subscription":
      return { kind: "subscription", state: initialSubscription };
    case "invoice":
      return { kind: "invoice", state: initialInvoice };
    default:
      throw new Bug(`no such kind of stream: ${stream}`);
  }
};

/** Applies one fact to the state of its stream. An event of another machine does not fit: the machine's `evolve` says so. */
export const apply = (state: State, event: DomainEvent): State => {
  switch (state.kind) {
    case "plan":
      return { kind: "plan", state: plans.evolve(state.state, event as plans.PlanEvent) };
    case "customer":
      return { kind: "customer", state: customers.evolve(state.state, event as customers.CustomerEvent) };
    case "setup":
      return { kind: "setup", state: setups.evolve(state.state, event as setups.SetupEvent) };
    case "subscription":
      return { kind: "subscription", state: evolveSubscription(state.state, event as SubscriptionEvent) };
    case "invoice":
      return { kind: "invoice", state: evolveInvoice(state.state, event as InvoiceEvent) };
  }
};

/** A stream's state from its events: needs no clock, no calendar, no price list. */
export const fold = (stream: StreamName, events: readonly DomainEvent[]): State =>
  events.reduce(apply, initialState(stream));
