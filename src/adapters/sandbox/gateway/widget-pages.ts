import { type CardField, groupedNumber, TEST_CARDS, type TestCard } from "./cards.ts";
import { type Html, html, type Page } from "./html.ts";
import type { Intent, IntentProblem } from "./intent.ts";
import type { Transaction } from "./ledger.ts";
import { CHOOSABLE, reasonName, reasonText } from "./reasons.ts";
import { decimalOf } from "./sums.ts";
import { FRAME_SCRIPT } from "./widget-script.ts";
import { TEXTS } from "./widget-texts.ts";

export type FormField = CardField | "email";
/** What stands in the form: typed by the payer, or filled in for a test card. */
export type FormState = {
  readonly values: Readonly<Partial<Record<FormField | "outcome", string>>>;
  readonly wrong: readonly FormField[];
  /** One for each payment, so that a second press of the button pays nothing. */
  readonly key: string;
};

/** The payment form. Works without a script; `base` is the simulator's path. */
export const formPage = (base: string, intent: Intent, state: FormState): Page => {
  const texts = TEXTS[intent.language];
  const body = html`${opening(intent)}
<form method="post" action="${base}/widget/pay">
<input type="hidden" name="intent" value="${intent.raw}"><input type="hidden" name="key" value="${state.key}">
${input(intent, state, "number", html`inputmode="numeric" placeholder="0000 0000 0000 0000" required`)}
<div class="pair">${input(intent, state, "expiry", html`inputmode="numeric" placeholder="12/30" required`)}
${input(intent, state, "cvc", html`inputmode="numeric" placeholder="123" required`)}</div>
${input(intent, state, "holder", html`placeholder="CARD HOLDER"`)}
${intent.emailBehavior === "Hidden" ? null : input(intent, state, "email", html`type="email"${intent.emailBehavior === "Required" ? html` required` : null}`)}
${outcomeChoice(intent, state)}
${intent.saveCard ? html`<p class="faint">${texts.savesCard}</p>` : null}
<div class="actions"><button>${texts.pay} ${priceOf(intent)}</button></div></form>
${leaving(intent, intent.failUrl, texts.close)}
<details${state.values.number === undefined ? html` open` : null}><summary>${texts.cards}</summary>
<ul class="cards">${TEST_CARDS.map((card) => cardLink(base, intent, card))}</ul></details></main>`;
  return { ...pageOf(intent, texts.title, body), status: state.wrong.length > 0 ? 422 : 200 };
};

/** The bank's page. */
export const threeDsPage = (base: string, intent: Intent, key: string): Page => {
  const texts = TEXTS[intent.language];
  const answer = (value: string, text: string, look: string) =>
    html`<button name="answer" value="${value}" class="${look}">${text}</button>`;
  const body = html`${opening(intent)}<h2>${texts.bank}</h2><p>${texts.bankAsks}</p>
<form method="post" action="${base}/widget/3ds"><input type="hidden" name="key" value="${key}">
<div class="actions">${answer("approve", texts.approve, "")}${answer("refuse", texts.refuse, "quiet")}</div></form></main>`;
  return pageOf(intent, texts.bank, body);
};

/** How it ended; tells the page around it. */
export const resultPage = (base: string, intent: Intent, transaction: Transaction): Page => {
  const texts = TEXTS[intent.language];
  const paid = transaction.status !== "Declined";
  const held = transaction.status === "Authorized" ? texts.held : texts.paid;
  const result = JSON.stringify(widgetResult(intent, transaction));
  const body = html`${opening(intent, result, paid ? intent.autoCloseS : null)}
<p class="state ${paid ? "good" : "bad"}" role="status">${paid ? held : texts.declined}</p>
${paid ? null : html`<p>${reasonText(transaction.reasonCode, intent.language)}</p>`}
<p class="faint">${texts.number}: ${transaction.id}</p>
${paid || !intent.mayRetry ? null : html`<div class="actions"><a class="button" href="${base}/widget?intent=${intent.raw}">${texts.again}</a></div>`}
${leaving(intent, paid ? intent.successUrl : intent.failUrl, texts.close)}</main>`;
  return pageOf(intent, paid ? texts.paid : texts.declined, body);
};

/** Nothing can be paid here, in both languages: which one the payer reads can't be known. */
export const problemPage = (problem: IntentProblem | "session"): Page => {
  const result = JSON.stringify({ type: "error", status: "fail", message: TEXTS.en.problems[problem] });
  const told = Object.values(TEXTS).map((texts) => html`<h1>${texts.problem}</h1><p>${texts.problems[problem]}</p>`);
  const body = html`<main data-result="${result}">${sandboxSign(TEXTS.ru.sandbox)}${sandboxSign(TEXTS.en.sandbox)}${told}
<div class="actions"><button type="button" class="quiet" data-close hidden>${TEXTS.ru.close} / ${TEXTS.en.close}</button></div></main>`;
  return { language: "ru", title: TEXTS.ru.problem, body, script: FRAME_SCRIPT, status: 400 };
};

/** What `start()` comes to. */
const widgetResult = (intent: Intent, { id, status, reasonCode }: Transaction) =>
  status === "Declined"
    ? {
        type: "payment",
        status: "fail",
        data: { transactionId: id, ReasonCode: reasonCode },
        message: reasonText(reasonCode, intent.language),
      }
    : { type: "payment", status: "success", data: { transactionId: id } };

const pageOf = ({ language }: Intent, title: string, body: Html): Page => ({
  language,
  title,
  body,
  script: FRAME_SCRIPT,
});

const sandboxSign = (text: string): Html => html`<p class="sandbox">${text}</p>`;

const opening = (intent: Intent, result: string | null = null, autoCloseS: number | null = null): Html => {
  const texts = TEXTS[intent.language];
  const told = result === null ? null : html` data-result="${result}"`;
  const closing = autoCloseS === null ? null : html` data-auto-close="${autoCloseS}"`;
  return html`<main${told}${closing}>${sandboxSign(texts.sandbox)}
<h1>${intent.description ?? texts.title}</h1>
${intent.invoiceId === null ? null : html`<p class="faint">${texts.order} <code>${intent.invoiceId}</code></p>`}
<p class="amount">${priceOf(intent)}</p>`;
};

const priceOf = ({ minor, currency, language }: Intent): string =>
  new Intl.NumberFormat(language, {
    style: "currency",
    currency,
    minimumFractionDigits: 2,
    maximumFractionDigits: 2,
  }).format(decimalOf(minor));

const input = (intent: Intent, { values, wrong }: FormState, name: FormField, attributes: Html): Html => {
  const texts = TEXTS[intent.language];
  const isWrong = wrong.includes(name);
  // No browser offers a real card here.
  const field = html`<input name="${name}" value="${values[name] ?? ""}" autocomplete="off" ${attributes}
${isWrong ? html`aria-invalid="true" aria-describedby="${name}-wrong"` : null}>`;
  return html`<div><label>${texts.fields[name]}${field}</label>
${isWrong ? html`<p class="wrong" id="${name}-wrong" role="alert">${texts.wrong[name]}</p>` : null}</div>`;
};

const outcomeChoice = ({ language }: Intent, { values }: FormState): Html => {
  const texts = TEXTS[language];
  const option = (code: number): Html =>
    html`<option value="${code}"${values.outcome === String(code) ? html` selected` : null}>${texts.decline} ${code}: ${reasonName(code)}</option>`;
  return html`<label>${texts.outcome}<select name="outcome"><option value="">${texts.byCard}</option>${CHOOSABLE.map(option)}</select></label>`;
};

const cardLink = (base: string, intent: Intent, card: TestCard): Html =>
  html`<li><a href="${base}/widget?intent=${intent.raw}&card=${card.number}">${groupedNumber(card.number)}
<small>${storyOf(card, intent)}</small></a></li>`;

const storyOf = (card: TestCard, { language }: Intent): string => {
  const texts = TEXTS[language];
  const story = [
    card.threeDs ? texts.threeDs : "",
    card.payment === 0 ? texts.success : texts.noMoney,
    card.payment === 0 && card.byToken !== 0 ? texts.tokenFails : "",
  ];
  return story.filter((part) => part !== "").join(", ");
};

/** In a frame a button that the script wakes; by itself a link, where the merchant has named a page. */
const leaving = (intent: Intent, url: string | null, text: string): Html => {
  const link =
    url === null ? null : html`<a class="button quiet" href="${url}" data-back>${TEXTS[intent.language].back}</a>`;
  return html`<div class="actions">${link}<button type="button" class="quiet" data-close hidden>${text}</button></div>`;
};
