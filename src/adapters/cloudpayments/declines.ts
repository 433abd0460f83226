import type { Decline, DeclineReason } from "../../core/invoice/invoice.ts";

const soft = <Reason extends DeclineReason>(reason: Reason) => ({ kind: "soft", reason }) as const;
const hard = <Reason extends DeclineReason>(reason: Reason) => ({ kind: "hard", reason }) as const;
const askPayer = <Reason extends DeclineReason>(reason: Reason) => ({ kind: "ask_payer", reason }) as const;
const ourOutage = { kind: "our_outage", reason: "gateway_unavailable" } as const;

/**
 * The gateway's reason codes. Soft are only those that its rules for card-on-file payments let us try again by
 * ourselves; 5005 "do not honor" is not among them. Two soft declines block a card's payments for a day.
 */
const DECLINES = {
  3001: hard("refused"), // InvalidInvoiceId: our check answered 10
  3002: hard("refused"), // InvalidAccountId: our check answered 11
  3003: hard("refused"), // InvalidAmount: our check answered 12
  3004: hard("refused"), // OutOfDate: our check answered 20
  3005: ourOutage, // FormatError: our check answered nonsense
  3006: ourOutage, // Unavailable: our check was out of order
  3007: ourOutage, // UnableToConnect: our check was not reached
  3008: hard("refused"), // NotAccepted: our check answered 13
  5001: hard("refused"), // ReferToCardIssuer
  5003: hard("refused"), // InvalidMerchant
  5004: hard("card_lost_or_stolen"), // PickUpCard
  5005: hard("refused"), // DoNotHonor
  5006: askPayer("refused"), // Error: of the network, or a wrong CVV
  5007: hard("card_lost_or_stolen"), // PickUpCardSpecialConditions
  5012: hard("card_invalid"), // InvalidTransaction: not a card for online payments
  5013: hard("refused"), // AmountError
  5014: hard("card_invalid"), // InvalidCardNumber
  5015: hard("card_invalid"), // NoSuchIssuer
  5017: hard("refused"), // CustomerCancellation: the holder has stopped recurring payments
  5019: hard("refused"), // TransactionError
  5030: soft("gateway_unavailable"), // FormatError: of the acquirer
  5031: hard("card_invalid"), // BankNotSupportedBySwitch
  5033: hard("card_expired"), // ExpiredCardPickup
  5034: hard("suspected_fraud"), // SuspectedFraud
  5036: hard("card_invalid"), // RestrictedCard
  5041: hard("card_lost_or_stolen"), // LostCard
  5043: hard("card_lost_or_stolen"), // StolenCard
  5051: soft("insufficient_funds"), // InsufficientFunds
  5054: hard("card_expired"), // ExpiredCard
  5055: hard("card_invalid"), // InvalidPin
  5057: hard("refused"), // TransactionNotPermitted: limits, a block, or online payments are off
  5058: hard("card_invalid"), // TransactionNotPermittedToCard
  5059: hard("suspected_fraud"), // SuspectedFraudDecline
  5061: soft("limit_exceeded"), // ExceedsApprovalAmount
  5062: hard("card_invalid"), // RestrictedCard2
  5063: hard("card_invalid"), // SecurityViolation: the card is blocked
  5065: soft("limit_exceeded"), // ExceedWithdrawalFrequency
  5082: askPayer("card_invalid"), // IncorrectCvv
  5091: soft("gateway_unavailable"), // Timeout: of the issuer
  5092: soft("gateway_unavailable"), // CannotReachNetwork
  5096: soft("gateway_unavailable"), // SystemError
  5113: hard("card_invalid"), // a foreign issuer, which no bank of the gateway takes
  5204: soft("refused"), // UnableToProcess
  5206: askPayer("authentication_failed"), // AuthenticationFailed
  5207: askPayer("authentication_failed"), // AuthenticationUnavailable
  5300: soft("limit_exceeded"), // AntiFraud: the acquirer's limits
  5303: soft("limit_exceeded"), // AcquirerTerminalLimitsExceeded
  5761: hard("refused"), // NoPhone
  5762: hard("refused"), // InvalidPhone
  5763: hard("refused"), // DifferentPhones
  6001: askPayer("refused"), // SaveCardRefused: the payer would not bind the account (SBP)
  6002: hard("refused"), // InvalidErrorCode
  6003: hard("refused"), // AgentIdNotExists
  6004: hard("refused"), // CurrencyNotValid
  6005: hard("refused"), // InvalidPaymentLink
  6006: hard("refused"), // AmountCurrencyNotValid
  6007: hard("refused"), // InvalidRedirectUrl
  6008: hard("refused"), // InvalidParamsId
  6009: hard("refused"), // InvalidTtl
  6010: hard("card_invalid"), // SubscriptionNotFound: no such binding (SBP)
  6011: hard("card_invalid"), // InvalidSubscription: a wrong binding (SBP)
  6013: hard("refused"), // InvalidRefund
  6014: hard("refused"), // OriginalDetailsIncorrect
  6015: hard("refused"), // TransactionNotFound
  6016: hard("refused"), // InvalidMemberId
  6017: hard("refused"), // IncorrectMCCategory
  6021: hard("refused"), // ReceiverAccountError
  6022: hard("refused"), // ReceiverNameError
  6025: hard("card_invalid"), // CrossTerminalTokenRestriction: a token of another terminal
} as const satisfies Readonly<Record<number, Decline>>;

/** What is not listed is hard: an unknown code must not be tried again and again on somebody's card. */
export const declineOf = (code: string): Decline =>
  Object.hasOwn(DECLINES, code) ? DECLINES[Number(code) as keyof typeof DECLINES] : REFUSED;

export const REFUSED: Decline = hard("refused");
/** 3-D Secure: only the payer can go on. */
export const CHALLENGED: Decline = askPayer("authentication_required");
/** A hold that was let go of. Nothing speaks against the card, but nobody has paid either. */
export const VOIDED: Decline = askPayer("refused");
