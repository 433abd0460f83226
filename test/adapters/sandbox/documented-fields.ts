/** Names of the fields that the gateway's documented or captured bodies carry, by method and by kind of notification. */
const words = (text: string): readonly string[] => text.trim().split(/\s+/);

export const ANSWER_MODELS: Readonly<Record<string, readonly string[]>> = {
  "charged by token": words(`
    ReasonCode PublicId TerminalUrl TransactionId Amount Currency CurrencyCode PaymentAmount PaymentCurrency
    PaymentCurrencyCode InvoiceId AccountId TrInitiatorCode Email Description JsonData CreatedDate PayoutDate
    PayoutDateIso PayoutAmount CreatedDateIso AuthDate AuthDateIso ConfirmDate ConfirmDateIso AuthCode TestMode
    Rrn OriginalTransactionId FallBackScenarioDeclinedTransactionId IpAddress IpCountry IpCity IpRegion
    IpDistrict IpLatitude IpLongitude CardFirstSix CardLastFour CardExpDate CardType CardProduct CardCategory
    EscrowAccumulationId IssuerBankCountry Issuer CardTypeCode Status StatusCode CultureName Reason
    CardHolderMessage Type Refunded Name Token SubscriptionId GatewayName AndroidPay WalletType TotalFee
    VatAboveTotalFee ProcessorAndPartnerFee VatWithinProcessorFee
  `),
  "charge by token declined": words(`
    ReasonCode PublicId TerminalUrl TransactionId Amount Currency CurrencyCode PaymentAmount PaymentCurrency
    PaymentCurrencyCode InvoiceId AccountId TrInitiatorCode Email Description JsonData CreatedDate PayoutDate
    PayoutDateIso PayoutAmount CreatedDateIso AuthDate AuthDateIso ConfirmDate ConfirmDateIso AuthCode TestMode
    Rrn OriginalTransactionId FallBackScenarioDeclinedTransactionId IpAddress IpCountry IpCity IpRegion
    IpDistrict IpLatitude IpLongitude CardFirstSix CardLastFour CardExpDate CardType CardProduct CardCategory
    EscrowAccumulationId IssuerBankCountry Issuer CardTypeCode Status StatusCode CultureName Reason
    CardHolderMessage Type Refunded Name Token SubscriptionId GatewayName AndroidPay WalletType TotalFee
    VatAboveTotalFee ProcessorAndPartnerFee VatWithinProcessorFee
  `),
  authorised: words(`
    ReasonCode PublicId TerminalUrl TransactionId Amount Currency CurrencyCode PaymentAmount PaymentCurrency
    PaymentCurrencyCode InvoiceId AccountId Email Description JsonData CreatedDate PayoutDate PayoutDateIso
    PayoutAmount CreatedDateIso AuthDate AuthDateIso ConfirmDate ConfirmDateIso AuthCode TestMode Rrn
    OriginalTransactionId FallBackScenarioDeclinedTransactionId IpAddress IpCountry IpCity IpRegion IpDistrict
    IpLatitude IpLongitude CardFirstSix CardLastFour CardExpDate CardType CardProduct CardCategory
    EscrowAccumulationId IssuerBankCountry Issuer CardTypeCode Status StatusCode CultureName Reason
    CardHolderMessage Type Refunded Name Token SubscriptionId GatewayName AndroidPay WalletType TotalFee
    VatAboveTotalFee ProcessorAndPartnerFee VatWithinProcessorFee
  `),
  refund: words(`TransactionId`),
  "list of a day": words(`
    PublicId TerminalUrl TransactionId Amount Currency CurrencyCode PaymentAmount PaymentCurrency
    PaymentCurrencyCode InvoiceId AccountId Email Description JsonData CreatedDate PayoutDate PayoutDateIso
    PayoutAmount CreatedDateIso AuthDate AuthDateIso ConfirmDate ConfirmDateIso AuthCode TestMode Rrn
    OriginalTransactionId FallBackScenarioDeclinedTransactionId IpAddress IpCountry IpCity IpRegion IpDistrict
    IpLatitude IpLongitude CardFirstSix CardLastFour CardExpDate CardType CardProduct CardCategory
    IssuerBankCountry Issuer CardTypeCode Status StatusCode CultureName Reason CardHolderMessage Type Refunded
    Name Token SubscriptionId IsLocalOrder HideInvoiceId Gateway GatewayName AndroidPay MasterPass TotalFee
    EscrowAccumulationId ReasonCode VatAboveTotalFee ProcessorAndPartnerFee VatWithinProcessorFee
  `),
  list: words(`
    PublicId TerminalUrl TransactionId Amount Currency CurrencyCode PaymentAmount PaymentCurrency
    PaymentCurrencyCode InvoiceId AccountId Email Description JsonData CreatedDate PayoutDate PayoutDateIso
    PayoutAmount CreatedDateIso AuthDate AuthDateIso ConfirmDate ConfirmDateIso AuthCode TestMode Rrn
    OriginalTransactionId FallBackScenarioDeclinedTransactionId IpAddress IpCountry IpCity IpRegion IpDistrict
    IpLatitude IpLongitude CardFirstSix CardLastFour CardExpDate CardType CardProduct CardCategory
    IssuerBankCountry Issuer CardTypeCode Status StatusCode CultureName Reason CardHolderMessage Type Refunded
    Name Token SubscriptionId IsLocalOrder HideInvoiceId Gateway GatewayName AndroidPay MasterPass TotalFee
    EscrowAccumulationId ReasonCode VatAboveTotalFee ProcessorAndPartnerFee VatWithinProcessorFee
  `),
  tokens: words(`Token AccountId CardMask ExpirationDateMonth ExpirationDateYear`),
  found: words(`
    TransactionId Amount Currency CurrencyCode InvoiceId AccountId Email Description JsonData CreatedDate
    CreatedDateIso AuthDate AuthDateIso ConfirmDate ConfirmDateIso AuthCode TestMode IpAddress IpCountry IpCity
    IpRegion IpDistrict IpLatitude IpLongitude CardFirstSix CardLastFour CardType CardTypeCode IssuerBankCountry
    Status StatusCode Reason ReasonCode CardHolderMessage Name Token
  `),
  "notification settings": words(`IsEnabled Address HttpMethod Encoding Format`),
};

export const FORM_FIELDS: Readonly<Record<string, readonly string[]>> = {
  check: words(`
    TransactionId Amount Currency PaymentAmount PaymentCurrency InvoiceId AccountId SubscriptionId Name Email
    DateTime IpAddress IpCountry IpCity IpRegion IpDistrict IpLatitude IpLongitude CardFirstSix CardLastFour
    CardType CardExpDate Issuer IssuerBankCountry Description TestMode Status Data
  `),
  pay: words(`
    TransactionId Amount Currency PaymentAmount PaymentCurrency DateTime CardId CardFirstSix CardLastFour
    CardType CardExpDate TestMode Status OperationType GatewayName InvoiceId AccountId SubscriptionId Name Email
    IpAddress Issuer IssuerBankCountry Description AuthCode Data Token TotalFee CardProduct PaymentMethod
    FallBackScenarioDeclinedTransactionId Rrn CustomFields VatAboveTotalFee ProcessorAndPartnerFee
    VatWithinProcessorFee IpCountry IpCity IpRegion IpDistrict IpLatitude IpLongitude
  `),
  fail: words(`
    TransactionId Amount Currency PaymentAmount PaymentCurrency InvoiceId AccountId SubscriptionId Name Email
    DateTime IpAddress IpCountry IpCity IpRegion IpDistrict IpLatitude IpLongitude CardFirstSix CardLastFour
    CardType CardExpDate Issuer IssuerBankCountry Description TestMode Status StatusCode Reason ReasonCode Data
    OperationType Token RetryAfter ProviderMessage
  `),
  confirm: words(`
    TransactionId Amount Currency PaymentAmount PaymentCurrency DateTime CardFirstSix CardLastFour CardType
    CardExpDate TestMode Status InvoiceId AccountId Email AuthCode
  `),
  cancel: words(`TransactionId Amount DateTime InvoiceId AccountId Email`),
  refund: words(`TransactionId PaymentTransactionId Amount DateTime OperationType InvoiceId AccountId Email`),
};
