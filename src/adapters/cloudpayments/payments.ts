import { z } from "zod";
import type { AttemptId, GatewayAccount, TransactionId } from "../../core/ids.ts";
import type { Initiator } from "../../core/invoice/invoice.ts";
import type {
  ChargeAnswer,
  ChargeRequest,
  Found,
  Movement,
  PaymentFault,
  Payments,
  RefundAnswer,
  RefundRequest,
} from "../../core/ports/payments.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { type Period, SECOND_MS } from "../../core/time.ts";
import { type ConnectionConfig, connect, type Post } from "./connection.ts";
import { REFUSED } from "./declines.ts";
import { amountNumber, idNumber } from "./exact-json.ts";
import { answerOf, movementOf, transaction } from "./transaction.ts";
import { lenient, transactionId } from "./vocabulary.ts";
import { startParameters } from "./widget.ts";

export type CloudPaymentsConfig = ConnectionConfig & {
  readonly gatewayAccount: GatewayAccount;
  /** Address of the widget's script. */
  readonly widgetScript: () => string;
  /** A page that shows the widget by itself: the sandbox has one, the gateway has none. */
  readonly widgetPage: (parameters: string) => string | null;
  /** Where the payer's browser goes after paying, whatever came of it. */
  readonly returnUrl: () => string;
};

/** One terminal of CloudPayments, by its API. */
export const cloudPayments = (config: CloudPaymentsConfig): Payments => {
  const post = connect(config);
  return {
    gatewayAccount: config.gatewayAccount,
    widget: (offer) => {
      const parameters = startParameters(config.publicId, config.returnUrl(), offer);
      return {
        gateway: "cloudpayments",
        script: config.widgetScript(),
        parameters,
        page: config.widgetPage(parameters),
      };
    },
    charge: (request) => charge(post, request),
    find: (attemptId) => find(post, attemptId),
    list: (period) => list(post, period),
    refund: (request) => refund(post, request),
    void: async (setupId, id) =>
      givenBack(await post("/payments/void", { TransactionId: idNumber(id) }, setupId), () => id),
  };
};

/** Around every answer. `Message` says why a request was refused; the state of money is in `Model`. */
const envelope = z.object({ Success: z.boolean(), Message: lenient(z.string()), Model: z.unknown().optional() });

const LOST = err({ code: "answer_lost" });
const SHAPELESS_RETRY_MS = 60_000;
/** A look-up moves nothing: whatever went wrong with it, it can be asked again. */
const UNREADABLE = err({ code: "gateway_unavailable", retryAfterMs: SHAPELESS_RETRY_MS });
const askAgain = (fault: PaymentFault) => (fault.code === "answer_lost" ? UNREADABLE : err(fault));

/** Who begins a payment with a saved card. The card networks ask for it, and fine for a wrong one. */
const INITIATORS = {
  schedule: { TrInitiatorCode: 0, PaymentScheduled: 1 },
  payer: { TrInitiatorCode: 1 },
} as const satisfies Record<Initiator, object>;

const charge = async (post: Post, request: ChargeRequest): Promise<Result<ChargeAnswer, PaymentFault>> => {
  const { attemptId, amount } = request;
  const fields = {
    Amount: amountNumber(amount),
    Currency: amount.currency,
    InvoiceId: attemptId,
    AccountId: request.accountId,
    Description: request.description,
    Token: request.token,
    ...INITIATORS[request.initiator],
  };
  const answer = await post("/payments/tokens/charge", fields, attemptId);
  if (!answer.ok) return answer;
  const told = envelope.safeParse(answer.value);
  if (!told.success) return LOST;
  const { Success, Message, Model } = told.data;
  if (Model === undefined) {
    // The request itself was refused, as for an unknown token: no transaction has come about.
    const isRefused = !Success && Message !== undefined;
    return isRefused ? ok({ status: "declined", transactionId: null, decline: REFUSED }) : LOST;
  }
  const model = transaction.safeParse(Model);
  const charged = model.success ? answerOf(model.data, attemptId) : LOST;
  if (!charged.ok) return LOST;
  // A success that the envelope denies is looked up.
  return Success || charged.value.status === "declined" ? charged : LOST;
};

/** Asks by the attempt's id, which no other payment bears. A declined payment comes with `Success` false and a model. */
const find = async (post: Post, attemptId: AttemptId): Promise<Result<Found, PaymentFault>> => {
  const answer = await post("/payments/find", { InvoiceId: attemptId });
  if (!answer.ok) return askAgain(answer.error);
  const told = envelope.safeParse(answer.value);
  if (!told.success) return UNREADABLE;
  const { Success, Message, Model } = told.data;
  if (Model === undefined) return !Success && Message === "Not found" ? ok({ status: "nothing" }) : UNREADABLE;
  const model = transaction.safeParse(Model);
  if (!model.success) return UNREADABLE;
  const found = answerOf(model.data, attemptId);
  return found.ok ? found : LOST;
};

const ROWS_OF_A_PAGE = 100;
/** A hundred thousand movements a day; beyond it something is wrong with the paging. */
const MOST_PAGES = 1000;
const page = z.object({ Success: z.literal(true), Model: z.array(transaction) });

/** The gateway selects by whole seconds and with both ends, so a wider stretch is asked for and cut here. */
const list = async (post: Post, { start, end }: Period): Promise<Result<readonly Movement[], PaymentFault>> => {
  const fields = {
    CreatedDateGte: wholeSeconds(Math.floor(start / SECOND_MS)),
    CreatedDateLte: wholeSeconds(Math.ceil(end / SECOND_MS)),
    TimeZone: "UTC",
  };
  const movements = new Map<TransactionId, Movement>();
  for (let PageNumber = 1; PageNumber <= MOST_PAGES; PageNumber += 1) {
    const answer = await post("/v2/payments/list", { PageNumber, ...fields });
    if (!answer.ok) return askAgain(answer.error);
    const told = page.safeParse(answer.value);
    if (!told.success) return UNREADABLE;
    for (const row of told.data.Model) {
      const movement = movementOf(row);
      if (!movement.ok) return UNREADABLE;
      if (movement.value !== null) movements.set(movement.value.transactionId, movement.value);
    }
    if (told.data.Model.length < ROWS_OF_A_PAGE) {
      return ok([...movements.values()].filter(({ at }) => at >= start && at < end));
    }
  }
  return UNREADABLE;
};

const wholeSeconds = (epochSeconds: number): string =>
  `${Temporal.Instant.fromEpochMilliseconds(epochSeconds * SECOND_MS)
    .toString({ smallestUnit: "second" })
    .slice(0, -1)}+00:00`;

const refund = async (post: Post, request: RefundRequest): Promise<Result<RefundAnswer, PaymentFault>> => {
  const { refundId, transactionId: of, amount } = request;
  const fields = {
    TransactionId: idNumber(of),
    Amount: amountNumber(amount),
    JsonData: JSON.stringify({ refundId }),
  };
  return givenBack(await post("/payments/refund", fields, refundId), (model) => {
    const told = refunded.safeParse(model);
    const isDone = told.success && (told.data.Status ?? "Completed") === "Completed";
    return isDone ? told.data.TransactionId : null;
  });
};
/** Through SBP money goes back later: then the answer has no transaction yet, or one that is only created. */
const refunded = z.object({ TransactionId: transactionId, Status: z.string().optional() });

const givenBack = (
  answer: Result<unknown, PaymentFault>,
  doneBy: (model: unknown) => TransactionId | null,
): Result<RefundAnswer, PaymentFault> => {
  if (!answer.ok) return answer;
  const told = envelope.safeParse(answer.value);
  if (!told.success) return LOST;
  if (told.data.Success) {
    const transactionId = doneBy(told.data.Model);
    return ok(transactionId === null ? { status: "pending" } : { status: "done", transactionId });
  }
  const reason = told.data.Message ?? refusal.safeParse(told.data.Model).data?.Reason;
  return reason === undefined ? LOST : ok({ status: "refused", reason: oneLine(reason) });
};
const refusal = z.object({ Reason: z.string() });

/** The gateway's words go into an event: no longer than a line, and nothing that Postgres refuses. */
const oneLine = (reason: string): string =>
  reason
    .replaceAll(/\p{Cc}+/gu, " ")
    .slice(0, 200)
    .toWellFormed();
