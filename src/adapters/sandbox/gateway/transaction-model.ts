import { PAYMENT, type Transaction } from "./ledger.ts";
import { languageOf, reasonName, reasonText } from "./reasons.ts";
import { currencyCodeOf, decimalOf } from "./sums.ts";

const STATUS_CODES = { AwaitingAuthentication: 1, Authorized: 2, Completed: 3, Cancelled: 4, Declined: 5 } as const;
const CARD_TYPE_CODES: Readonly<Record<string, number>> = { Visa: 0, MasterCard: 1, Maestro: 2, MIR: 3 };

/** Whose site the transaction belongs to. */
export type Terminal = { readonly publicId: string; readonly url: string };

export const ISSUER = { name: "Sandbox Bank", country: "RU" } as const;

/** A transaction as the API tells it: the union of the fields of all methods. */
export const transactionModel = (transaction: Transaction, terminal: Terminal, isRefunded: boolean) => {
  const sum = Number(decimalOf(transaction.minor));
  const isDecided = transaction.status !== "AwaitingAuthentication";
  return {
    ReasonCode: transaction.reasonCode,
    PublicId: terminal.publicId,
    TerminalUrl: terminal.url,
    TransactionId: transaction.id,
    Amount: sum,
    Currency: transaction.currency,
    CurrencyCode: currencyCodeOf(transaction.currency),
    PaymentAmount: sum,
    PaymentCurrency: transaction.currency,
    PaymentCurrencyCode: currencyCodeOf(transaction.currency),
    InvoiceId: transaction.invoiceId,
    AccountId: transaction.accountId,
    ...(transaction.initiator === null ? {} : { TrInitiatorCode: transaction.initiator }),
    Email: transaction.email,
    Description: transaction.description,
    JsonData: transaction.jsonData,
    CreatedDate: netDate(transaction.createdAt),
    PayoutDate: null,
    PayoutDateIso: null,
    PayoutAmount: null,
    CreatedDateIso: isoDate(transaction.createdAt),
    AuthDate: netDate(transaction.authorisedAt),
    AuthDateIso: isoDate(transaction.authorisedAt),
    ConfirmDate: netDate(transaction.confirmedAt),
    ConfirmDateIso: isoDate(transaction.confirmedAt),
    AuthCode: authCodeOf(transaction),
    TestMode: true,
    Rrn: null,
    OriginalTransactionId: transaction.originalId,
    FallBackScenarioDeclinedTransactionId: null,
    IpAddress: transaction.ipAddress,
    IpCountry: "",
    IpCity: null,
    IpRegion: null,
    IpDistrict: null,
    IpLatitude: null,
    IpLongitude: null,
    CardFirstSix: transaction.cardFirstSix,
    CardLastFour: transaction.cardLastFour,
    CardExpDate: transaction.cardExpires,
    CardType: transaction.cardType,
    CardProduct: null,
    CardCategory: null,
    EscrowAccumulationId: null,
    IssuerBankCountry: ISSUER.country,
    Issuer: ISSUER.name,
    CardTypeCode: CARD_TYPE_CODES[transaction.cardType] ?? null,
    Status: transaction.status,
    StatusCode: STATUS_CODES[transaction.status],
    CultureName: transaction.culture,
    Reason: isDecided ? reasonName(transaction.reasonCode) : null,
    CardHolderMessage: isDecided ? reasonText(transaction.reasonCode, languageOf(transaction.culture)) : null,
    Type: transaction.type,
    Refunded: isRefunded,
    Name: transaction.holder,
    Token: transaction.token,
    SubscriptionId: null,
    IsLocalOrder: false,
    HideInvoiceId: false,
    Gateway: 0,
    GatewayName: "Test",
    AndroidPay: false,
    MasterPass: false,
    WalletType: "",
    TotalFee: 0,
    VatAboveTotalFee: 0,
    ProcessorAndPartnerFee: null,
    VatWithinProcessorFee: null,
  };
};

/** Six characters that an authorised payment bears; derived from its id, so that each telling has the same. */
export const authCodeOf = ({ id, type, authorisedAt }: Transaction): string | null =>
  type === PAYMENT && authorisedAt !== null ? id.toString(36).toUpperCase().slice(-6) : null;

const netDate = (ms: number | null): string | null => (ms === null ? null : `/Date(${ms})/`);
/** UTC without saying so, whole seconds. */
const isoDate = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString().slice(0, 19));
