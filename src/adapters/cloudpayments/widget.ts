import type { WidgetOffer } from "../../core/ports/payments.ts";
import { amountNumber } from "./exact-json.ts";

const CULTURES = { ru: "ru-RU", en: "en-US" } as const satisfies Record<WidgetOffer["language"], string>;

/**
 * The argument of the widget's `start()`, as JSON. It is not signed: the payer can change it, so what is paid is
 * compared with our own rows at each check and each payment.
 */
export const startParameters = (publicId: string, returnUrl: string, offer: WidgetOffer): string =>
  JSON.stringify({
    publicTerminalId: publicId,
    paymentSchema: "Single",
    amount: amountNumber(offer.amount),
    currency: offer.amount.currency,
    culture: CULTURES[offer.language],
    description: offer.description,
    externalId: offer.attemptId,
    userInfo: { accountId: offer.accountId, ...(offer.email === null ? {} : { email: offer.email }) },
    ...(offer.email === null ? {} : { receiptEmail: offer.email }),
    emailBehavior: offer.email === null ? "Optional" : "Hidden",
    ...(offer.saveCard ? { tokenize: true } : {}),
    // A second try is an attempt of its own, under its own id.
    retryPayment: false,
    metadata: { invoiceId: offer.invoiceId },
    successRedirectUrl: returnUrl,
    failRedirectUrl: returnUrl,
  });
