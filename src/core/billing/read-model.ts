import type { Instant } from "../time.ts";

/**
 * What the reads need, as flat rows that follow from the states of streams and from nothing else: storage may drop them
 * all and make them again. This is their one description; the adapters' tables, types and comparisons come from it.
 *
 * Kinds of column: `text`, `count` (whole number), `minor` (bigint, minor units of the row's `currency`), `instant`,
 * `flag`; with `?` it may be null. `key` names a row for ever.
 */
export const READ_MODEL = {
  plans: {
    key: ["code"],
    columns: {
      code: "text",
      status: "text",
      rank: "count",
      tier: "count",
      quality: "text",
      streams: "count",
      titleRu: "text",
      titleEn: "text",
      textRu: "text",
      textEn: "text",
      priceVersion: "count",
    },
  },
  prices: {
    key: ["plan", "version"],
    columns: {
      plan: "text",
      version: "count",
      currency: "text",
      priceMinor: "minor",
      lengthUnit: "text",
      lengthCount: "count",
      trialKind: "text",
      trialDays: "count?",
      trialCard: "flag?",
      trialMinor: "minor?",
      introMinor: "minor?",
      introPeriods: "count?",
      vat: "text",
      receiptObject: "count",
      receiptMethod: "count",
    },
  },
  customers: {
    key: ["accountId"],
    columns: {
      accountId: "text",
      status: "text",
      currentSubscription: "text?",
      queuedSubscription: "text?",
      trialUsed: "flag",
      consentText: "text?",
      consentGivenAt: "instant?",
      consentWithdrawnAt: "instant?",
      disputes: "count",
    },
  },
  credits: {
    key: ["accountId", "currency"],
    columns: { accountId: "text", currency: "text", balanceMinor: "minor", reservedMinor: "minor" },
  },
  cards: {
    key: ["cardId"],
    columns: {
      cardId: "text",
      accountId: "text",
      gatewayAccount: "text",
      status: "text",
      preferred: "flag",
      savedAt: "instant",
    },
  },
  setups: {
    key: ["setupId"],
    columns: {
      setupId: "text",
      accountId: "text",
      gatewayAccount: "text",
      cardId: "text",
      status: "text",
      currency: "text",
      amountMinor: "minor",
      offeredAt: "instant",
      endsAt: "instant",
      transactionId: "text?",
    },
  },
  subscriptions: {
    key: ["subscriptionId"],
    columns: {
      subscriptionId: "text",
      accountId: "text",
      status: "text",
      place: "text",
      plan: "text",
      priceVersion: "count",
      currency: "text",
      priceMinor: "minor",
      zone: "text",
      startedAt: "instant",
      periodNumber: "count?",
      periodStart: "instant?",
      periodEnd: "instant?",
      renews: "flag",
      waitingPlan: "text?",
      pausedUntil: "instant?",
      openInvoice: "text?",
      nextTryAt: "instant?",
      endedAt: "instant?",
      endReason: "text?",
    },
  },
  /** Paid, free and trial periods that run or are paid ahead. Those of one account never overlap. */
  periods: {
    key: ["subscriptionId", "number"],
    columns: {
      subscriptionId: "text",
      number: "count",
      accountId: "text",
      kind: "text",
      startAt: "instant",
      endAt: "instant",
      currency: "text",
      valueMinor: "minor",
    },
  },
  access: {
    key: ["accountId", "source"],
    columns: {
      accountId: "text",
      source: "text",
      tier: "count",
      quality: "text",
      streams: "count",
      fromAt: "instant",
      untilAt: "instant",
    },
  },
  notices: {
    key: ["noticeId"],
    columns: {
      noticeId: "text",
      subscriptionId: "text",
      accountId: "text",
      kind: "text",
      givenAt: "instant",
      announcedAt: "instant?",
      currency: "text?",
      amountMinor: "minor?",
    },
  },
  invoices: {
    key: ["invoiceId"],
    columns: {
      invoiceId: "text",
      accountId: "text",
      subscriptionId: "text?",
      purpose: "text",
      sequence: "text",
      status: "text",
      plan: "text?",
      priceVersion: "count?",
      currency: "text",
      totalMinor: "minor",
      creditMinor: "minor",
      dueMinor: "minor",
      refundedMinor: "minor",
      issuedAt: "instant",
      expiresAt: "instant?",
      paidAt: "instant?",
      closedAt: "instant?",
    },
  },
  attempts: {
    key: ["attemptId"],
    columns: {
      attemptId: "text",
      invoiceId: "text",
      accountId: "text",
      kind: "text",
      status: "text",
      gatewayAccount: "text",
      currency: "text",
      amountMinor: "minor",
      madeAt: "instant",
      statusAt: "instant",
      endsAt: "instant?",
      cardId: "text?",
      checkTransactionId: "text?",
      checkedAt: "instant?",
    },
  },
  /**
   * `reservedMinor`: what we ask back and is not answered yet; the database lets it fit beside what has gone back.
   * `returnedMinor`: what has gone back, asked for or not: a fact, also when it is more than was captured.
   */
  captures: {
    key: ["gatewayAccount", "transactionId"],
    columns: {
      gatewayAccount: "text",
      transactionId: "text",
      invoiceId: "text",
      attemptId: "text",
      accountId: "text",
      role: "text",
      currency: "text",
      capturedMinor: "minor",
      reservedMinor: "minor",
      returnedMinor: "minor",
      capturedAt: "instant",
      dispute: "text",
    },
  },
  /** `refundKey`: our refund's id, or "reported:" and the gateway's transaction for one that we did not ask for. */
  refunds: {
    key: ["refundKey"],
    columns: {
      refundKey: "text",
      invoiceId: "text",
      accountId: "text",
      gatewayAccount: "text",
      captureTransactionId: "text",
      currency: "text",
      amountMinor: "minor",
      status: "text",
      reason: "text?",
      askedAt: "instant",
      transactionId: "text?",
    },
  },
  /** Money that arrived and did not fit its attempt: one half of the suspense list (the other is in the intake). */
  mismatches: {
    key: ["gatewayAccount", "transactionId"],
    columns: {
      gatewayAccount: "text",
      transactionId: "text",
      invoiceId: "text",
      attemptId: "text",
      accountId: "text",
      reason: "text",
      currency: "text",
      receivedMinor: "minor",
      receivedAt: "instant",
      settled: "flag",
    },
  },
  /** What is to be done, and when: the one source of all timed work. `subject` is what the work is about. */
  due: {
    key: ["kind", "subject"],
    columns: { kind: "text", subject: "text", stream: "text", accountId: "text?", dueAt: "instant" },
  },
} as const satisfies Readonly<Record<string, Table>>;

type ColumnKind = "text" | "count" | "minor" | "instant" | "flag";
type Table = {
  readonly key: readonly string[];
  readonly columns: Readonly<Record<string, ColumnKind | `${ColumnKind}?`>>;
};

export type TableName = keyof typeof READ_MODEL;
type Cell = { text: string; count: number; minor: bigint; instant: Instant; flag: boolean };
type Value<Kind> = Kind extends `${infer Base extends ColumnKind}?`
  ? Cell[Base] | null
  : Kind extends ColumnKind
    ? Cell[Kind]
    : never;
export type RowOf<Name extends TableName> = {
  readonly [Column in keyof (typeof READ_MODEL)[Name]["columns"]]: Value<(typeof READ_MODEL)[Name]["columns"][Column]>;
};
export type Row = { [Name in TableName]: { readonly table: Name; readonly row: RowOf<Name> } }[TableName];

/** Work that falls due: its kind, as in the `due` table. Each kind has one worker. */
export type DueKind =
  | "end_offer"
  | "expire_invoice"
  | "look_up_payment"
  | "send_refund"
  | "look_up_refund"
  | "give_up_waiting"
  | "pass_boundary"
  | "charge_renewal"
  | "close_dunning"
  | "resume"
  | "give_notice"
  | "void_hold"
  | "look_up_hold"
  | "expire_setup";
