import type { AccountId, InvoiceId } from "../ids.ts";
import type { Loaded, StreamRef } from "../ports/storage.ts";
import type { Command } from "./command.ts";
import {
  customerStream,
  invoiceStream,
  kindOf,
  planStream,
  type StreamName,
  setupStream,
  subscriptionStream,
} from "./stream.ts";
import type { Workspace } from "./workspace.ts";

/** The streams that a command names; storage brings along those that they link to. */
export const refsOf = (command: Command): readonly StreamRef[] => {
  const refs: StreamRef[] = [];
  const stream = (name: StreamName) => refs.push({ by: "stream", stream: name });
  if ("plan" in command) stream(planStream(command.plan));
  if ("accountId" in command && !isFact(command)) stream(customerStream(command.accountId));
  if ("subscriptionId" in command) stream(subscriptionStream(command.subscriptionId));
  if ("setupId" in command) stream(setupStream(command.setupId));
  if ("invoiceId" in command) stream(invoiceStream(command.invoiceId));
  else if ("attemptId" in command) refs.push({ by: "attempt", attemptId: command.attemptId });
  else if ("refundId" in command) refs.push({ by: "refund", refundId: command.refundId });
  else if (command.type === "payment.charge_back" || command.type === "refund.report") {
    refs.push({ by: "transaction", gatewayAccount: command.gatewayAccount, transactionId: takenBy(command) });
  }
  return refs;
};

/** In a gateway's fact the account is what the gateway says: compared with ours, never believed. */
const isFact = (command: Command): command is Extract<Command, { type: "payment.succeed" | "setup.hold" }> =>
  command.type === "payment.succeed" || command.type === "setup.hold";

const takenBy = (command: Extract<Command, { type: "payment.charge_back" | "refund.report" }>) =>
  command.type === "refund.report" ? command.captureTransactionId : command.transactionId;

/** Which invoice an attempt, a refund or a gateway's transaction belongs to, as the loaded streams tell. */
export type InvoiceIndex = ReadonlyMap<string, InvoiceId>;

export const indexInvoices = (loaded: Loaded): InvoiceIndex => {
  const index = new Map<string, InvoiceId>();
  for (const [stream, { events }] of loaded) {
    if (kindOf(stream) !== "invoice") continue;
    const invoiceId = stream.slice("invoice/".length) as InvoiceId;
    for (const event of events) {
      if (event.type === "OfferMade" || event.type === "ChargeStarted") index.set(event.attemptId, invoiceId);
      if (event.type === "RefundAsked") index.set(event.refundId, invoiceId);
      if (event.type === "PaymentSucceeded")
        index.set(`${event.capture.gatewayAccount}/${event.capture.transactionId}`, invoiceId);
    }
  }
  return index;
};

/** The invoice that a command is about, found by whichever id it carries; null when there is none. */
export const invoiceOf = (command: Command, index: InvoiceIndex): InvoiceId | null => {
  if ("invoiceId" in command) return command.invoiceId;
  if ("attemptId" in command) return index.get(command.attemptId) ?? null;
  if ("refundId" in command) return index.get(command.refundId) ?? null;
  if (command.type === "payment.charge_back" || command.type === "refund.report") {
    return index.get(`${command.gatewayAccount}/${takenBy(command)}`) ?? null;
  }
  return null;
};

/** Whose money or subscription a command touches; null for a plan, and for what does not exist. */
export const ownerOf = (command: Command, work: Workspace, index: InvoiceIndex): AccountId | null => {
  if ("subscriptionId" in command) {
    const subscription = work.subscription(command.subscriptionId);
    return subscription.status === "absent" ? null : subscription.accountId;
  }
  if ("setupId" in command) {
    const setup = work.setup(command.setupId);
    return setup.status === "absent" ? null : setup.accountId;
  }
  const invoiceId = invoiceOf(command, index);
  if (invoiceId !== null) {
    const invoice = work.invoice(invoiceId);
    return invoice.status === "absent" ? null : invoice.terms.accountId;
  }
  return "accountId" in command && !isFact(command) ? command.accountId : null;
};
