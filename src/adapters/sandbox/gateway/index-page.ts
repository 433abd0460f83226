import { groupedNumber, TEST_CARDS } from "./cards.ts";
import { FAULT_NAMES, type FaultSwitch } from "./faults.ts";
import { type Html, html, type Page } from "./html.ts";
import type { Ledger, Notification, Transaction } from "./ledger.ts";
import { REFUND } from "./ledger.ts";
import { reasonName } from "./reasons.ts";
import { decimalOf } from "./sums.ts";

const SHOWN = 50;

export type IndexParts = {
  readonly ledger: Ledger;
  readonly faults: readonly FaultSwitch[];
  readonly publicId: string;
  readonly base: string;
};

/** For the person who works with the sandbox: what it is, what has happened in it, and what shall go wrong next. */
export const indexPage = ({ ledger, faults, publicId, base }: IndexParts): Page => {
  const pending = ledger.pendingNotifications();
  const body = html`<main class="wide"><p class="sandbox">Sandbox: no real money moves. Do not enter a real card.</p>
<h1>Gateway simulator</h1>
<p>It stands in for CloudPayments while no real terminal is set: the same API, payment window and notifications, with a ledger of
its own. Public ID <code>${publicId}</code>. <a href="https://developers.cloudpayments.ru/" rel="noreferrer">The gateway's documentation</a>.</p>
<h2>Last transactions</h2>${table(["Id", "When, UTC", "What", "Sum", "Status", "Order", "Card"], ledger.latest(SHOWN).map(transactionRow))}
<h2>Notifications to be delivered: ${pending.length}</h2>${table(["Kind", "Transaction", "Tries", "Next, UTC"], pending.slice(0, SHOWN).map(notificationRow))}
<h2>Test cards</h2>${table(["Number", "3-D Secure", "Payment", "Charge by token"], TEST_CARDS.map(cardRow))}
<p class="faint">Any date that is not over, any CVC. Other valid numbers succeed.</p>
<h2>Faults</h2>${table(["Fault", "Times left", "Operation"], faults.map(faultRow))}
<p class="faint">Switching asks for the Public ID and the API secret. An operation is a method's path, a kind of notification, or widget.</p>
${faultForm(base)}</main>`;
  return { language: "en", title: "Gateway simulator", body };
};

const faultForm = (base: string): Html => html`<form method="post" action="${base}/faults">
<div class="pair"><label>Fault<select name="fault">${FAULT_NAMES.map((name) => html`<option>${name}</option>`)}</select></label>
<label>Times (a number, or all)<input name="times" value="1"></label>
<label>Operation (empty: any)<input name="operation" placeholder="/payments/tokens/charge"></label>
<label>Milliseconds, of slow<input name="ms" inputmode="numeric" value="1000"></label></div>
<div class="actions"><button>Switch on</button><button class="quiet" name="off" value="1">Switch all off</button></div></form>`;

const table = (heads: readonly string[], rows: readonly (readonly string[])[]): Html => {
  if (rows.length === 0) return html`<p class="faint">None.</p>`;
  const line = (cells: readonly string[]): Html => html`<tr>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`;
  return html`<div class="scroll"><table><thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${rows.map(line)}</tbody></table></div>`;
};

const transactionRow = (one: Transaction): readonly string[] => [
  String(one.id),
  spaced(one.createdAt),
  one.type === REFUND ? `refund of ${one.originalId}` : "payment",
  `${decimalOf(one.minor)} ${one.currency}`,
  one.reasonCode === 0 ? one.status : `${one.status}: ${one.reasonCode} ${reasonName(one.reasonCode)}`,
  one.invoiceId ?? "",
  `${one.cardFirstSix}…${one.cardLastFour}`,
];

const notificationRow = (one: Notification): readonly string[] => [
  one.kind,
  String(one.transactionId),
  String(one.attempts),
  spaced(one.dueAt),
];

const cardRow = (card: (typeof TEST_CARDS)[number]): readonly string[] => [
  groupedNumber(card.number),
  card.threeDs ? "yes" : "no",
  card.payment === 0 ? "success" : reasonName(card.payment),
  card.payment !== 0 ? "" : card.byToken === 0 ? "success" : reasonName(card.byToken),
];

const faultRow = ({ fault, times, operation, ms }: FaultSwitch): readonly string[] => [
  fault === "slow" ? `slow, ${ms} ms` : fault,
  String(times),
  operation ?? "any",
];

const spaced = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace("T", " ");
