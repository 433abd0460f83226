import { Database } from "bun:sqlite";
import { type Books, type Capture, type Invoice, type Refund, readBooks } from "./books.ts";
import { openDatabase, type Query } from "./database.ts";
import { type Ledger, type Movement, readLedger } from "./ledger.ts";

/** What was compared, and every difference in plain words. */
export type Report = {
  readonly payments: number;
  readonly refunds: number;
  readonly invoices: number;
  /** Minor units that the gateway holds for us, by currency. */
  readonly held: Readonly<Record<string, bigint>>;
  readonly differences: readonly string[];
};

/**
 * Holds the gateway's books against our database, to the kopeck, once all is quiet. It reads the two and nothing else: no
 * code of the product judges itself here.
 */
export const check = async (ledger: Ledger, query: Query): Promise<Report> => {
  const books = await readBooks(query);
  return {
    payments: ledger.payments.length,
    refunds: ledger.refunds.length,
    invoices: books.invoices.length,
    held: heldBy(ledger),
    differences: [
      ...paymentsDiffer(ledger, books),
      ...refundsDiffer(ledger, books),
      ...ledger.acknowledged
        .filter((told) => !books.kept.has(told))
        .map((told) => `${told} was answered with success and is not kept`),
      ...foreignAccounts(ledger, books),
      ...factsDiffer(books),
      ...books.captures.flatMap((capture) => captureIsWrong(capture, books.refunds)),
      ...books.invoices.flatMap((invoice) => invoiceIsWrong(invoice, books.captures)),
      ...accessIsWrong(books),
      ...books.loose,
    ],
  };
};

const kopecks = ({ minor, currency }: Pick<Movement, "minor" | "currency">): string => `${minor} ${currency} (minor)`;
const isSame = (a: Pick<Movement, "minor" | "currency">, b: Pick<Movement, "minor" | "currency">): boolean =>
  a.minor === b.minor && a.currency === b.currency;

/** Each payment that the gateway has taken stands in exactly one place with us, with its sum; and nothing else stands there. */
const paymentsDiffer = ({ payments, refunds }: Ledger, books: Books): readonly string[] => {
  const theirs = new Set(payments.map(({ id }) => id));
  const places = [
    ...books.captures.map((one) => ({ ...one, what: "capture", sum: one })),
    ...books.mismatches.map((one) => ({ ...one, what: "mismatch", sum: one })),
    ...books.suspended
      .filter(({ id }) => theirs.has(id))
      .map((one) => ({ ...one, what: "suspended callback", sum: one.sum })),
  ];
  const backIds = new Set(refunds.map(({ id }) => id));
  return [
    ...payments.flatMap((payment) => {
      const standing = places.filter(({ id }) => id === payment.id);
      const [place, ...more] = standing;
      if (place === undefined) return [`payment ${payment.id} of ${kopecks(payment)} stands nowhere with us`];
      if (more.length > 0)
        return [
          `payment ${payment.id} stands ${standing.length} times: ${standing.map(({ what }) => what).join(", ")}`,
        ];
      if (place.sum !== null && !isSame(place.sum, payment))
        return [
          `payment ${payment.id} is ${kopecks(payment)} to the gateway and a ${place.what} of ${kopecks(place.sum)}`,
        ];
      return [];
    }),
    ...books.captures
      .filter(({ id }) => !theirs.has(id))
      .map((one) => `capture ${one.id} of ${kopecks(one)} is no payment of the gateway's`),
    ...books.captures.filter(({ id }) => backIds.has(id)).map(({ id }) => `capture ${id} is a refund to the gateway`),
  ];
};

/** Each refund that the gateway has made is one of ours, of the same payment and sum, or waits for a person. */
const refundsDiffer = ({ refunds }: Ledger, books: Books): readonly string[] => {
  const made = books.refunds.filter(({ status }) => status === "done" || status === "reported");
  const known = new Set(refunds.map(({ id }) => id));
  return [
    ...refunds.flatMap((refund) => {
      const ours = made.filter(({ id }) => id === refund.id);
      const waiting = books.suspended.filter(({ id }) => id === refund.id);
      const [one] = ours;
      if (ours.length + waiting.length !== 1)
        return [`refund ${refund.id} of ${kopecks(refund)} stands ${ours.length + waiting.length} times with us`];
      if (one !== undefined && (!isSame(one, refund) || one.of !== refund.of))
        return [
          `refund ${refund.id} is ${kopecks(refund)} of ${refund.of} to the gateway and ${kopecks(one)} of ${one.of} to us`,
        ];
      return [];
    }),
    ...made
      .filter(({ id }) => id === null || !known.has(id))
      .map((one) => `our refund ${one.key} of ${kopecks(one)} is none of the gateway's`),
    ...books.refunds
      .filter(({ status }) => status === "reserved" || status === "in_flight" || status === "unknown")
      .map(({ key, status }) => `refund ${key} is still ${status}`),
  ];
};

const foreignAccounts = ({ gatewayAccount }: Ledger, { captures, mismatches, refunds }: Books): readonly string[] =>
  [...captures, ...mismatches, ...refunds]
    .filter((one) => one.gatewayAccount !== gatewayAccount)
    .map((one) => `${one.id} belongs to ${one.gatewayAccount}, whose books these are not`);

/** Rows are what the chains of events have told: the same transactions with the same sums, each told once. */
const factsDiffer = ({ captures, mismatches, refunds, told }: Books): readonly string[] => {
  const made = refunds.flatMap((one) => (one.id === null ? [] : [{ ...one, id: one.id }]));
  return [
    ...sidesDiffer("payment", told.payments, [...captures, ...mismatches]),
    ...sidesDiffer("refund", told.refunds, made),
  ];
};
const sidesDiffer = (what: string, facts: readonly Movement[], rows: readonly Movement[]): readonly string[] => {
  const printed = (side: readonly Movement[]): readonly string[] => side.map((one) => `${one.id} of ${kopecks(one)}`);
  const [inFacts, inRows] = [printed(facts), printed(rows)];
  return [
    ...surplus(inFacts, inRows).map((one) => `${what} ${one} is told by an event and has no row`),
    ...surplus(inRows, inFacts).map((one) => `${what} ${one} has a row and is told by no event`),
  ];
};
/** What the first side has more often than the second. */
const surplus = (some: readonly string[], others: readonly string[]): readonly string[] => {
  const left = [...others];
  return some.filter((one) => {
    const found = left.indexOf(one);
    if (found >= 0) left.splice(found, 1);
    return found < 0;
  });
};

const captureIsWrong = (capture: Capture, refunds: readonly Refund[]): readonly string[] => {
  const { id, minor, reserved, returned, role } = capture;
  const own = refunds.filter(({ of, gatewayAccount }) => of === id && gatewayAccount === capture.gatewayAccount);
  const total = (statuses: readonly string[]): bigint =>
    own.filter(({ status }) => statuses.includes(status)).reduce((sum, one) => sum + one.minor, 0n);
  const [pending, back] = [total(["reserved", "in_flight", "unknown"]), total(["done", "reported"])];
  return [
    ...(reserved + returned > minor
      ? [`capture ${id} of ${minor} has ${reserved} reserved and ${returned} returned`]
      : []),
    ...(reserved === pending ? [] : [`capture ${id} has ${reserved} reserved and refunds of ${pending} on their way`]),
    ...(returned === back ? [] : [`capture ${id} has ${returned} returned and refunds of ${back} made`]),
    ...(role === "extra" && returned !== minor ? [`extra capture ${id} of ${minor} has gone back by ${returned}`] : []),
  ];
};

const PAID = ["paid", "partly_refunded", "refunded"];

const invoiceIsWrong = (invoice: Invoice, captures: readonly Capture[]): readonly string[] => {
  const { id, status, due, credit, refunded } = invoice;
  const settling = captures.filter(({ invoiceId, role }) => invoiceId === id && role === "settling");
  const [one, ...more] = settling;
  if (more.length > 0) return [`invoice ${id} has ${settling.length} settling captures`];
  if (one === undefined)
    return PAID.includes(status) && due > 0n ? [`invoice ${id} is ${status} and nobody paid it`] : [];
  if (!PAID.includes(status)) return [`invoice ${id} is ${status}, and ${one.id} paid it`];
  if (credit > 0n) return [];
  const wanted = one.returned === 0n ? "paid" : one.returned < one.minor ? "partly_refunded" : "refunded";
  return [
    ...(one.minor === due ? [] : [`invoice ${id} was due ${due} and paid with ${one.minor}`]),
    ...(refunded === one.returned ? [] : [`invoice ${id} says ${refunded} went back, its payment ${one.returned}`]),
    ...(status === wanted ? [] : [`invoice ${id} is ${status} where its payment makes it ${wanted}`]),
  ];
};

const accessIsWrong = ({ subscriptions, strayAccess }: Books): readonly string[] => [
  ...strayAccess.map((source) => `access comes from ${source}, which is not there`),
  ...subscriptions.flatMap(({ id, status, accessRows }) => {
    if (status === "past_due") return []; // Until its grace is over.
    const wanted = status === "active" || status === "trialing" ? 1 : 0;
    return accessRows === wanted ? [] : [`subscription ${id} is ${status} and has ${accessRows} rows of access`];
  }),
];

const heldBy = ({ payments, refunds }: Ledger): Readonly<Record<string, bigint>> => {
  const held: Record<string, bigint> = {};
  for (const { currency, minor } of payments) held[currency] = (held[currency] ?? 0n) + minor;
  for (const { currency, minor } of refunds) held[currency] = (held[currency] ?? 0n) - minor;
  return held;
};

export const printReport = ({ payments, refunds, invoices, held, differences }: Report): string =>
  [
    `gateway: ${payments} payments, ${refunds} refunds, holds ${
      Object.entries(held)
        .map(([currency, minor]) => kopecks({ minor, currency }))
        .join(", ") || "nothing"
    }`,
    `ours: ${invoices} invoices`,
    ...differences.map((difference) => `DIFFERS: ${difference}`),
    differences.length === 0 ? "both sides are equal" : `${differences.length} differences`,
  ].join("\n");

/** @param ledgerFile `gateway.sqlite` of the sandbox; @param database an address, or the folder of an embedded one */
export const checkPlaces = async (ledgerFile: string, database: string): Promise<Report> => {
  const file = new Database(ledgerFile, { readonly: true, strict: true });
  const opened = await openDatabase(database);
  try {
    return await check(readLedger(file), opened.query);
  } finally {
    await opened.close();
    file.close();
  }
};

if (import.meta.main) {
  const [ledgerFile, database] = process.argv.slice(2);
  if (ledgerFile === undefined || database === undefined) {
    process.stderr.write("usage: bun test/checker/check.ts <gateway.sqlite> <postgres://… | folder of the database>\n");
    process.exit(2);
  }
  const report = await checkPlaces(ledgerFile, database);
  process.stdout.write(`${printReport(report)}\n`);
  process.exit(report.differences.length === 0 ? 0 : 1);
}
