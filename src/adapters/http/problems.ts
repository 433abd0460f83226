import type { LogInRefusal, SignUpRefusal } from "../../core/accounts/accounts.ts";
import type { ExecutionFault } from "../../core/billing/billing.ts";
import type { BillingRefusal } from "../../core/billing/refusal.ts";
import type { TasksFault } from "../../core/ports/tasks.ts";
import type { FieldError } from "../wire/malformed.ts";
import type { Problem } from "../wire/problems.ts";

export type Language = "ru" | "en";
type Fault = ExecutionFault | TasksFault;
type AccountRefusal = SignUpRefusal | LogInRefusal | { readonly code: "session_over" };
/**
 * Status, and title in both languages. 409: the world is not as the request needs it, and may be later. 422: the request
 * itself can never do. 503: we could not tell, ask again.
 */
type Kind = readonly [status: number, en: string, ru: string];

/** What billing refuses, by code. A new refusal does not compile until it has a status and a title here. */
const REFUSALS = {
  amount_not_positive: [422, "The sum must be above zero", "Сумма должна быть больше нуля"],
  attempt_exists: [409, "This attempt has been made already", "Эта попытка уже сделана"],
  attempt_unknown: [404, "No such attempt", "Такой попытки нет"],
  boundary_not_reached: [409, "The period is not over yet", "Период ещё не закончился"],
  boundary_passed: [409, "The period is over already", "Период уже закончился"],
  capture_unknown: [404, "No such payment", "Такого платежа нет"],
  card_blocked: [409, "The bank does not let this card be charged", "Банк не разрешает списания с этой карты"],
  card_or_consent_missing: [
    409,
    "A saved card and consent to renewal are needed",
    "Нужны сохранённая карта и согласие на автопродление",
  ],
  card_removed: [409, "The card has been removed", "Карта удалена"],
  card_required: [409, "A saved card is needed first", "Сначала нужна сохранённая карта"],
  card_unknown: [404, "No such card", "Такой карты нет"],
  change_in_progress: [409, "A change of plan waits for its payment", "Смена тарифа ждёт оплаты"],
  change_of_plan: [
    409,
    "A subscription is running: ask for a change of plan",
    "Подписка уже идёт: запросите смену тарифа",
  ],
  change_waiting: [409, "A change of plan waits for the end of the period", "Смена тарифа ждёт конца периода"],
  charge_in_flight: [409, "A charge is on its way", "Списание уже выполняется"],
  command_id_reused: [422, "The key was used before for another request", "Ключ уже использован для другого запроса"],
  consent_missing: [409, "There is no consent to automatic renewal", "Нет согласия на автопродление"],
  credit_too_small: [409, "There is not enough credit", "На счёте недостаточно средств"],
  currency_differs: [422, "The currency is another one", "Другая валюта"],
  customer_erased: [409, "The account has been erased", "Аккаунт удалён"],
  customer_not_found: [404, "No such customer", "Такого клиента нет"],
  dispute_not_open: [409, "There is no open chargeback", "Открытого спора нет"],
  dispute_open: [409, "A chargeback is being settled", "Идёт спор о платеже"],
  dunning_not_over: [409, "There are tries left", "Попытки ещё не закончились"],
  forbidden: [403, "You may not do this", "Недостаточно прав"],
  invoice_closed: [409, "The invoice is closed", "Счёт закрыт"],
  invoice_exists: [409, "The invoice has been issued already", "Счёт уже выставлен"],
  invoice_not_found: [404, "No such invoice", "Такого счёта нет"],
  invoice_outstanding: [409, "Another invoice is to be paid first", "Сначала нужно оплатить другой счёт"],
  invoice_paid: [409, "The invoice has been paid already", "Счёт уже оплачен"],
  malformed_date: [422, "There is no such date", "Такой даты нет"],
  mismatch_unknown: [404, "No such payment in suspense", "Такого невыясненного платежа нет"],
  mismatch_unsettled: [
    409,
    "A payment that did not fit must be settled first",
    "Сначала нужно разобрать платёж, который не сошёлся",
  ],
  no_waiting_change: [409, "No change of plan is waiting", "Смена тарифа не запланирована"],
  not_chargeable: [409, "This may not be charged now", "Сейчас это списать нельзя"],
  not_expired: [409, "Its time is not over yet", "Срок ещё не вышел"],
  not_found: [404, "There is no such thing", "Ничего не найдено"],
  nothing_due: [409, "There is nothing to pay", "Платить нечего"],
  offer_closed: [409, "This offer to pay is closed", "Это предложение оплаты закрыто"],
  pause_not_ahead: [422, "The pause must end later than it begins", "Пауза должна закончиться позже, чем начнётся"],
  pause_not_over: [409, "The pause is not over yet", "Пауза ещё не закончилась"],
  pause_planned: [409, "A pause is planned", "Запланирована пауза"],
  pause_too_long: [422, "The pause is too long", "Пауза слишком длинная"],
  payment_due: [409, "There is something left to pay", "Счёт ещё не оплачен"],
  payment_in_progress: [409, "A payment is being made right now", "Оплата выполняется прямо сейчас"],
  payment_unknown: [
    409,
    "We are asking the gateway about an earlier payment",
    "Выясняем у банка судьбу прежнего платежа",
  ],
  period_paid_ahead: [409, "The next period has been paid already", "Следующий период уже оплачен"],
  place_taken: [409, "Another subscription stands in its place", "Это место занято другой подпиской"],
  plan_archived: [409, "The plan is not sold any more", "Тариф больше не продаётся"],
  plan_exists: [409, "There is such a plan already", "Такой тариф уже есть"],
  plan_not_found: [404, "No such plan", "Такого тарифа нет"],
  price_invalid: [422, "The price does not make sense", "Цена задана неверно"],
  quote_expired: [409, "The quote has expired: ask for a new one", "Расчёт устарел: запросите новый"],
  quote_unknown: [404, "No such quote", "Такого расчёта нет"],
  refund_above_captured: [409, "More than is left of the payment", "Больше, чем осталось от платежа"],
  refund_above_credit: [409, "More than credit has paid", "Больше, чем оплачено со счёта"],
  refund_above_paid: [409, "More than was paid", "Больше, чем было оплачено"],
  refund_closed: [409, "The refund has been answered already", "Возврат уже завершён"],
  refund_exists: [409, "There is such a refund already", "Такой возврат уже есть"],
  refund_in_flight: [409, "A refund of this payment is on its way", "Возврат по этому платежу уже выполняется"],
  refund_too_late: [409, "The payment is too old to be given back", "Платёж слишком старый для возврата"],
  refund_unknown: [404, "No such refund", "Такого возврата нет"],
  renewal_in_progress: [409, "The renewal is under way", "Продление уже выполняется"],
  renewal_not_stopped: [409, "The renewal has not been stopped", "Продление не отключено"],
  renewal_stopped: [409, "The renewal has been stopped", "Продление отключено"],
  same_plan: [409, "It is the same plan", "Это тот же тариф"],
  setup_closed: [409, "The card set-up is over", "Привязка карты завершена"],
  setup_exists: [409, "There is such a card set-up already", "Такая привязка карты уже есть"],
  setup_not_found: [404, "No such card set-up", "Такой привязки карты нет"],
  setup_not_over: [409, "The card set-up is not over yet", "Привязка карты ещё не закончилась"],
  subscription_active: [409, "The subscription is active", "Подписка действует"],
  subscription_ended: [409, "The subscription has ended", "Подписка закончилась"],
  subscription_exists: [409, "There is such a subscription already", "Такая подписка уже есть"],
  subscription_incomplete: [409, "The subscription is not paid yet", "Подписка ещё не оплачена"],
  subscription_not_found: [404, "No such subscription", "Такой подписки нет"],
  subscription_past_due: [409, "The subscription waits for a payment", "Подписка ждёт оплаты"],
  subscription_paused: [409, "The subscription is paused", "Подписка на паузе"],
  subscription_queued: [409, "The subscription has not begun yet", "Подписка ещё не началась"],
  subscription_trialing: [409, "The subscription is on trial", "Идёт пробный период"],
  void_in_flight: [409, "The hold is being released", "Блокировка суммы уже снимается"],
} as const satisfies Readonly<Record<BillingRefusal["code"], Kind>>;

const FAULTS = {
  commit_unknown: [
    503,
    "The answer was lost: ask again with the same key",
    "Ответ потерян: повторите запрос с тем же ключом",
  ],
  contention: [503, "Too much happens at once: ask again", "Слишком много изменений сразу: повторите запрос"],
  storage_unavailable: [503, "The database does not answer: ask again", "База данных не отвечает: повторите запрос"],
  tasks_unavailable: [503, "This cannot be taken up now: ask again", "Сейчас это нельзя принять: повторите запрос"],
} as const satisfies Readonly<Record<Fault["code"], Kind>>;

/** What sign-up, sign-in and sessions refuse. A new refusal does not compile until it has a status and a title here. */
const ACCOUNTS = {
  email_taken: [409, "Somebody has signed up with this e-mail", "С этим адресом почты уже зарегистрировались"],
  malformed_email: [422, "This is no e-mail address", "Это не адрес почты"],
  malformed_zone: [422, "There is no such time zone", "Такого часового пояса нет"],
  password_too_long: [422, "The password is too long", "Пароль слишком длинный"],
  password_too_short: [422, "The password is too short", "Пароль слишком короткий"],
  session_over: [401, "The session is over: log in again", "Сеанс закончился: войдите снова"],
  too_many_requests: [429, "Too many requests: wait a little", "Слишком много запросов: подождите немного"],
  wrong_credentials: [401, "Wrong e-mail or password", "Неверная почта или пароль"],
} as const satisfies Readonly<Record<AccountRefusal["code"], Kind>>;

/** What the door itself says, before billing is asked. */
const DOOR = {
  body_too_large: [413, "The body is too large", "Слишком большое тело запроса"],
  callback_not_signed: [401, "The callback is not signed by its gateway", "Уведомление не подписано шлюзом"],
  consent_replaced: [
    409,
    "The text of the consent has been replaced: show the new one",
    "Текст согласия заменён: покажите новый",
  ],
  internal_error: [500, "Something is wrong on our side", "Ошибка на нашей стороне"],
  malformed_body: [422, "Something in the body is wrong", "В теле запроса ошибка"],
  malformed_idempotency_key: [
    400,
    "Idempotency-Key must be 1 to 255 visible ASCII characters",
    "Idempotency-Key должен состоять из 1–255 видимых символов ASCII",
  ],
  malformed_json: [400, "The body is no JSON that can be taken", "Тело запроса — не JSON, который можно принять"],
  malformed_query: [422, "Something in the query is wrong", "В параметрах запроса ошибка"],
  malformed_request: [400, "The request makes no sense", "Запрос не имеет смысла"],
  method_not_allowed: [405, "This address does not take that method", "Этот адрес не принимает такой метод"],
  no_such_route: [404, "Nothing is served here", "Такого адреса нет"],
  unauthorized: [401, "Log in first", "Сначала войдите"],
  unsupported_media_type: [415, "The body must be application/json", "Тело запроса должно быть application/json"],
} as const satisfies Readonly<Record<string, Kind>>;

const KINDS = { ...REFUSALS, ...FAULTS, ...ACCOUNTS, ...DOOR };
export type ProblemCode = keyof typeof KINDS;
export const PROBLEM_CODES = Object.keys(KINDS) as readonly ProblemCode[];
export const isProblemCode = (code: string): code is ProblemCode => Object.hasOwn(KINDS, code);
export const statusOf = (code: ProblemCode): number => KINDS[code][0];
export const titleOf = (code: ProblemCode, language: Language): string => KINDS[code][language === "ru" ? 2 : 1];

/** What a problem says beside its code. `headers` go out with it: `Retry-After`, `Allow`. */
export type ProblemDetails = {
  readonly errors?: readonly FieldError[];
  readonly facts?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
};

/** Ends the work on a request. Thrown at the door only, and told as a problem by the one error hook. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly code: ProblemCode;
  readonly details: ProblemDetails;
  constructor(code: ProblemCode, details: ProblemDetails = {}) {
    super(code);
    this.code = code;
    this.details = details;
  }
}

/** The problem document of a code: its stable type, its status, and a title in the language asked for. */
export const problemOf = (
  code: ProblemCode,
  language: Language,
  requestId: string,
  { errors, facts }: ProblemDetails = {},
): Problem => {
  return {
    type: `/problems/${code}`,
    title: titleOf(code, language),
    status: statusOf(code),
    code,
    ...(facts === undefined || Object.keys(facts).length === 0 ? {} : { facts }),
    ...(errors === undefined ? {} : { errors: [...errors] }),
    requestId,
  };
};

export const problemResponse = (problem: Problem, headers: Readonly<Record<string, string>> = {}): Response =>
  new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: { ...headers, "content-type": "application/problem+json" },
  });

/** A fault of storage or of the task queue: safe to ask again with the same key, soon. */
export const refusedByFault = (fault: Fault): Refused => new Refused(fault.code, { headers: { "retry-after": "1" } });
