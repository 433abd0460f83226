export type Language = "ru" | "en";
type Said = Readonly<Record<Language, string>>;
type Reason = { readonly name: string; readonly told: Said };

const APPROVED: Said = { ru: "Оплата успешно проведена", en: "Payment successful" };
const ASK_BANK: Said = {
  ru: "Свяжитесь с вашим банком или воспользуйтесь другой картой",
  en: "Contact your bank or use another card",
};
const OTHER_CARD: Said = { ru: "Воспользуйтесь другой картой", en: "Use another card" };
const LATER: Said = { ru: "Повторите попытку позже", en: "Try again later" };
const NO_MONEY: Said = { ru: "Недостаточно средств на карте", en: "Insufficient funds on account" };
const CHECK_CARD: Said = { ru: "Проверьте правильность введённых данных карты", en: "Check the card details" };
const NO_3DS: Said = { ru: "3-D Secure авторизация не пройдена", en: "3-D Secure authentication failed" };
const REFUSED: Said = { ru: "Платёж не может быть принят", en: "The payment cannot be accepted" };
const TOO_LATE: Said = { ru: "Срок оплаты истёк", en: "The time to pay is over" };

const REASONS: Readonly<Record<number, Reason>> = {
  0: { name: "Approved", told: APPROVED },
  3001: { name: "InvalidInvoiceId", told: REFUSED },
  3002: { name: "InvalidAccountId", told: REFUSED },
  3003: { name: "InvalidAmount", told: REFUSED },
  3004: { name: "OutOfDate", told: TOO_LATE },
  3005: { name: "FormatError", told: LATER },
  3006: { name: "Unavailable", told: LATER },
  3007: { name: "UnableToConnect", told: LATER },
  3008: { name: "NotAccepted", told: REFUSED },
  5001: { name: "ReferToCardIssuer", told: ASK_BANK },
  5003: { name: "InvalidMerchant", told: ASK_BANK },
  5004: { name: "PickUpCard", told: ASK_BANK },
  5005: { name: "DoNotHonor", told: ASK_BANK },
  5006: { name: "Error", told: CHECK_CARD },
  5012: { name: "InvalidTransaction", told: OTHER_CARD },
  5013: { name: "AmountError", told: REFUSED },
  5014: { name: "InvalidCardNumber", told: CHECK_CARD },
  5030: { name: "FormatError", told: LATER },
  5033: { name: "ExpiredCardPickup", told: ASK_BANK },
  5034: { name: "SuspectedFraud", told: ASK_BANK },
  5041: { name: "LostCard", told: ASK_BANK },
  5043: { name: "StolenCard", told: ASK_BANK },
  5051: { name: "InsufficientFunds", told: NO_MONEY },
  5054: { name: "ExpiredCard", told: OTHER_CARD },
  5057: { name: "TransactionNotPermitted", told: ASK_BANK },
  5063: { name: "SecurityViolation", told: OTHER_CARD },
  5065: { name: "ExceedWithdrawalFrequency", told: ASK_BANK },
  5082: { name: "IncorrectCVV", told: CHECK_CARD },
  5091: { name: "Timeout", told: LATER },
  5096: { name: "SystemError", told: LATER },
  5204: { name: "UnableToProcess", told: OTHER_CARD },
  5206: { name: "AuthenticationFailed", told: NO_3DS },
  5207: { name: "AuthenticationUnavailable", told: NO_3DS },
  5300: { name: "AntiFraud", told: OTHER_CARD },
};

/** What a person may choose on the payment page: a bank's reasons, and none of the merchant's own. */
export const CHOOSABLE: readonly number[] = Object.keys(REASONS)
  .map(Number)
  .filter((code) => code >= 5000);

const reasonOf = (code: number): Reason => {
  const reason = REASONS[code];
  if (reason === undefined) throw new Error(`no reason has the code ${code}`);
  return reason;
};

export const reasonName = (code: number): string => reasonOf(code).name;
/** The text for the payer. */
export const reasonText = (code: number, language: Language): string => reasonOf(code).told[language];

/** Russian is the gateway's own language; Kazakh texts fall back to it. */
export const languageOf = (culture: string | null): Language => (culture?.startsWith("en") === true ? "en" : "ru");
