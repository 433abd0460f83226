import { z } from "zod";
import type {
  AnnulReason,
  DeclineReason,
  InvoiceEvent,
  InvoiceLine,
  MismatchReason,
  OfferClosing,
  RefundReason,
} from "../../core/invoice/invoice.ts";
import { formatAmount, type Money } from "../../core/money.ts";
import type { RecordedEvent } from "../../core/ports/queries.ts";
import { formatInstant } from "../../core/time.ts";
import type { Language } from "./problems.ts";
import { inLanguage, instantView, moneyOf, moneyView } from "./schemas.ts";

/**
 * "Why was I charged": the facts of an invoice in a plain sentence each. What is shown beside the sentence is listed field by
 * field; names of staff, risk codes, notes, ids of ours and the gateway's words are in no list.
 */
const shownFields = z.object({
  amount: moneyView.optional(),
  credit: moneyView.optional(),
  plan: z.string().optional(),
  period: z.object({ start: instantView, end: instantView }).optional(),
  until: instantView.optional(),
  reason: z.string().optional(),
});
type Shown = z.output<typeof shownFields>;

export const chainEventView = z
  .object({
    version: z.int(),
    type: z.string().meta({ description: "Stable; a new one may come" }),
    at: instantView,
    title: z.string().meta({ description: "What happened, in the language asked for" }),
    fields: shownFields,
  })
  .meta({
    id: "InvoiceEvent",
    examples: [
      {
        version: 1,
        type: "InvoiceIssued",
        at: "2026-01-31T09:00:00.000Z",
        title: "An invoice for RUB 299.00 was issued for your new subscription.",
        fields: { amount: { amount: "299.00", currency: "RUB" }, plan: "premium" },
      },
    ],
  });

export const presentFact = ({ version, event }: RecordedEvent, language: Language): z.output<typeof chainEventView> => {
  const [en, ru, fields = {}] = sentenceOf(event as InvoiceEvent);
  return { version, type: event.type, at: formatInstant(event.at), title: inLanguage(language, ru, en), fields };
};

type Sentence = readonly [en: string, ru: string, shown?: Shown];
type Fact<Type extends InvoiceEvent["type"]> = Extract<InvoiceEvent, { readonly type: Type }>;

const sentenceOf = <Type extends InvoiceEvent["type"]>(event: Fact<Type>): Sentence =>
  (SENTENCES[event.type as Type] as (event: Fact<Type>) => Sentence)(event);

/** A new fact of the invoice does not compile until it has its sentence in both languages. */
const SENTENCES: { readonly [Type in InvoiceEvent["type"]]: (event: Fact<Type>) => Sentence } = {
  InvoiceIssued: ({ terms }) => {
    const [en, ru] = PURPOSES[terms.purpose];
    const [line] = terms.lines;
    return [
      `An invoice for ${inEnglish(terms.total)} was issued ${en}.`,
      `Выставлен счёт на ${inRussian(terms.total)} ${ru}.`,
      {
        amount: shown(terms.total),
        ...(terms.credit.minor === 0n ? {} : { credit: shown(terms.credit) }),
        ...(line === undefined ? {} : boughtBy(line)),
        ...(terms.expiresAt === null ? {} : { until: formatInstant(terms.expiresAt) }),
      },
    ];
  },
  OfferMade: ({ endsAt }) => [
    "You opened the payment form.",
    "Вы открыли форму оплаты.",
    { until: formatInstant(endsAt) },
  ],
  CheckAccepted: () => [
    "The payment service asked whether this payment may go on, and was told yes.",
    "Платёжный сервис спросил, можно ли провести платёж, и получил согласие.",
  ],
  OfferClosed: ({ reason }) => {
    const [en, ru] = OFFER_CLOSINGS[reason];
    return [`The payment form was closed: ${en}.`, `Форма оплаты закрыта: ${ru}.`, { reason }];
  },
  ChargeStarted: ({ initiator }) =>
    initiator === "schedule"
      ? [
          "We asked your bank to charge your saved card, as you had agreed to automatic renewal.",
          "Мы запросили списание с сохранённой карты: вы согласились на автоматическое продление.",
        ]
      : ["You asked to pay with your saved card.", "Вы попросили оплатить сохранённой картой."],
  PaymentSucceeded: ({ capture, role }) => [
    role === "settling"
      ? `A payment of ${inEnglish(capture.amount)} was taken.`
      : `A payment of ${inEnglish(capture.amount)} was taken that was not due; it goes back to you by itself.`,
    role === "settling"
      ? `Получен платёж на ${inRussian(capture.amount)}.`
      : `Получен лишний платёж на ${inRussian(capture.amount)}; он вернётся к вам сам.`,
    { amount: shown(capture.amount) },
  ],
  InvoicePaid: ({ by, paid, credit }) => [
    by === "credit" ? "The invoice was paid from your credit." : "The invoice was paid.",
    by === "credit" ? "Счёт оплачен с вашего внутреннего счёта." : "Счёт оплачен.",
    { amount: shown(paid), ...(credit.minor === 0n ? {} : { credit: shown(credit) }) },
  ],
  PaymentDeclined: ({ decline }) => {
    const reason = DECLINES[decline.reason];
    const [en, ru] = DECLINE_WORDS[reason];
    return [`The payment was declined: ${en}.`, `Платёж отклонён: ${ru}.`, { reason }];
  },
  PaymentUnknown: () => [
    "The answer to the payment was lost; we are asking what became of it. You are not charged again meanwhile.",
    "Ответ о платеже потерялся; мы выясняем, что с ним. Повторного списания пока не будет.",
  ],
  LookUpFoundNothing: () => [
    "We asked about the payment, and it was not found yet.",
    "Мы спросили о платеже: пока он не найден.",
  ],
  PaymentNeverHappened: () => [
    "It is certain that this payment did not take place: no money was taken.",
    "Точно установлено, что этого платежа не было: деньги не списаны.",
  ],
  PaymentMismatched: ({ received, reason }) => {
    const [en, ru] = MISMATCHES[reason];
    return [
      `A payment of ${inEnglish(received)} did not fit the invoice: ${en}. A person is looking into it.`,
      `Платёж на ${inRussian(received)} не сошёлся со счётом: ${ru}. Им занимается сотрудник.`,
      { amount: shown(received), reason },
    ];
  },
  MismatchSettled: () => [
    "The payment that did not fit was looked into and settled.",
    "Платёж, который не сошёлся, разобран.",
  ],
  InvoiceVoided: ({ reason }) => {
    const [en, ru] = ANNULMENTS[reason];
    return [`The invoice was annulled: ${en}.`, `Счёт аннулирован: ${ru}.`, { reason }];
  },
  InvoiceExpired: () => ["The invoice was not paid in time and expired.", "Счёт не оплачен вовремя и закрыт."],
  InvoiceWrittenOff: () => ["The unpaid invoice was written off.", "Неоплаченный счёт списан."],
  RefundAsked: ({ amount, reason }) => {
    const [en, ru] = REFUNDS[reason];
    return [
      `A refund of ${inEnglish(amount)} was asked for: ${en}.`,
      `Запрошен возврат ${inRussian(amount)}: ${ru}.`,
      { amount: shown(amount), reason },
    ];
  },
  RefundStarted: () => ["The refund was sent to the payment service.", "Возврат отправлен в платёжный сервис."],
  RefundSucceeded: ({ amount }) => [
    `${inEnglish(amount)} went back to your card.`,
    `${inRussian(amount)} возвращены на карту.`,
    { amount: shown(amount) },
  ],
  RefundFailed: () => [
    "The refund did not go through. We are looking into it.",
    "Возврат не прошёл. Мы этим занимаемся.",
  ],
  RefundUnknown: () => [
    "The answer to the refund was lost; we are asking what became of it.",
    "Ответ о возврате потерялся; мы выясняем, что с ним.",
  ],
  RefundLookUpFoundNothing: () => [
    "We asked about the refund, and it was not found yet.",
    "Мы спросили о возврате: пока он не найден.",
  ],
  RefundReported: ({ amount }) => [
    `The payment service told us that ${inEnglish(amount)} went back to your card.`,
    `Платёжный сервис сообщил, что ${inRussian(amount)} возвращены на карту.`,
    { amount: shown(amount) },
  ],
  CreditReturned: ({ amount }) => [
    `${inEnglish(amount)} went back to your credit.`,
    `${inRussian(amount)} возвращены на ваш внутренний счёт.`,
    { amount: shown(amount) },
  ],
  ChargebackRecorded: () => [
    "Your bank told us that you dispute this payment.",
    "Ваш банк сообщил, что вы оспариваете этот платёж.",
  ],
  ChargebackDecided: ({ won }) => [
    won ? "The dispute was decided: the payment stands." : "The dispute was decided: your bank gave the money back.",
    won ? "Спор решён: платёж остаётся в силе." : "Спор решён: банк вернул вам деньги.",
  ],
};

type Words = readonly [en: string, ru: string];
const PURPOSES = {
  first: ["for your new subscription", "за новую подписку"],
  renewal: ["for the next period of your subscription", "за следующий период подписки"],
  change: ["for the change of your plan", "за смену тарифа"],
  gift: ["for a gift", "за подарок"],
  staff: ["by our staff", "сотрудником"],
} as const satisfies Record<string, Words>;

const OFFER_CLOSINGS = {
  superseded: ["another payment was begun", "начата другая оплата"],
  ended: ["its hour was over", "час на оплату истёк"],
  annulled: ["the invoice was annulled", "счёт аннулирован"],
  expired: ["the invoice expired", "срок счёта истёк"],
  paid: ["the invoice was paid", "счёт оплачен"],
  written_off: ["the invoice was written off", "счёт списан"],
} as const satisfies Record<OfferClosing, Words>;

/** What a bank suspects is no business of a page that a thief may look at: such reasons are told as a plain refusal. */
const DECLINES = {
  insufficient_funds: "insufficient_funds",
  limit_exceeded: "limit_exceeded",
  card_expired: "card_expired",
  card_invalid: "card_invalid",
  card_lost_or_stolen: "refused",
  authentication_required: "authentication_required",
  authentication_failed: "authentication_failed",
  suspected_fraud: "refused",
  gateway_unavailable: "gateway_unavailable",
  refused: "refused",
} as const satisfies Record<DeclineReason, DeclineReason>;
const DECLINE_WORDS = {
  insufficient_funds: ["there is not enough money on the card", "на карте недостаточно средств"],
  limit_exceeded: ["the card's limit is reached", "превышен лимит карты"],
  card_expired: ["the card has expired", "срок действия карты истёк"],
  card_invalid: ["the card's details are wrong", "данные карты неверны"],
  authentication_required: ["your bank wants you to confirm it", "банк просит подтвердить платёж"],
  authentication_failed: ["it was not confirmed", "платёж не подтверждён"],
  gateway_unavailable: ["the payment service did not answer", "платёжный сервис не ответил"],
  refused: ["your bank refused it", "отказ банка"],
} as const satisfies Record<(typeof DECLINES)[DeclineReason], Words>;

const MISMATCHES = {
  amount: ["the sum is another one", "сумма другая"],
  currency: ["the currency is another one", "валюта другая"],
  account: ["it was made for another account", "он сделан для другого аккаунта"],
  gateway_account: ["it came another way than we had asked", "он пришёл не тем путём, что мы просили"],
  only_authorised: ["the money was held and not taken", "деньги заблокированы, но не списаны"],
} as const satisfies Record<MismatchReason, Words>;

const ANNULMENTS = {
  payer_cancelled: ["you cancelled", "вы отменили подписку"],
  plan_replaced: ["you chose another plan", "вы выбрали другой тариф"],
  newer_quote: ["you asked for a newer quote", "вы запросили новый расчёт"],
  pause_kept: ["the pause goes on", "пауза продолжается"],
  staff: ["our staff decided so", "так решил сотрудник"],
} as const satisfies Record<AnnulReason, Words>;

const REFUNDS = {
  extra_payment: ["it had been paid more than was due", "было заплачено лишнее"],
  cancelled: ["the subscription was cancelled", "подписка отменена"],
  ended: ["the subscription had ended", "подписка уже закончилась"],
  staff: ["our staff decided so", "так решил сотрудник"],
  paused: ["the subscription is paused", "подписка на паузе"],
} as const satisfies Record<RefundReason, Words>;

const inEnglish = (amount: Money): string => said(amount, "en");
const inRussian = (amount: Money): string => said(amount, "ru");
/** From the decimal text, which the formatter takes exactly; a number might lose a minor unit. */
const said = (amount: Money, language: Language): string =>
  new Intl.NumberFormat(language, { style: "currency", currency: amount.currency }).format(
    formatAmount(amount) as Intl.StringNumericLiteral,
  );
const shown = ({ minor, currency }: Money): z.output<typeof moneyView> => moneyOf(minor, currency);
const boughtBy = ({ plan, period }: InvoiceLine): Shown => ({
  ...(plan === null ? {} : { plan }),
  ...(period === null ? {} : { period: { start: formatInstant(period.start), end: formatInstant(period.end) } }),
});
