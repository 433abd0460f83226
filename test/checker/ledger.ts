import type { Database } from "bun:sqlite";

/** What the gateway holds for us, from its own books: sums in minor units. */
export type Ledger = {
  readonly gatewayAccount: string;
  readonly payments: readonly Movement[];
  readonly refunds: readonly (Movement & { readonly of: string })[];
  /** What we were told and have answered with success, as in "pay 3000000001". */
  readonly acknowledged: readonly string[];
};
export type Movement = { readonly id: string; readonly minor: bigint; readonly currency: string };

type Row = {
  readonly id: number;
  readonly minor: number;
  readonly currency: string;
  readonly originalId: number | null;
};

/** Only what has moved: a decline, a hold and one that was let go of took no money. */
export const readLedger = (books: Database): Ledger => {
  const moved = (type: 0 | 1): readonly Row[] =>
    books
      .query<Row, [number]>(
        "select id, minor, currency, originalId from transactions where status = 'Completed' and type = ? order by id",
      )
      .all(type);
  const publicId = books.query<{ value: string }, []>("select value from facts where name = 'public_id'").get();
  return {
    gatewayAccount: `cloudpayments:${publicId?.value ?? ""}`,
    payments: moved(0).map(movement),
    refunds: moved(1).map((row) => ({ ...movement(row), of: String(row.originalId) })),
    acknowledged: books
      .query<{ told: string }, []>(ACKNOWLEDGED)
      .all()
      .map(({ told }) => told),
  };
};

/** A decline of somebody else's payment moved nothing and is kept by nobody. */
const ACKNOWLEDGED = `
  select distinct kind || ' ' || transactionId as told
  from notifications join transactions on transactions.id = transactionId
  where state = 'delivered' and (kind in ('pay', 'refund') or (kind = 'fail' and invoiceId like 'att\\_%' escape '\\'))`;

const movement = ({ id, minor, currency }: Row): Movement => ({ id: String(id), minor: BigInt(minor), currency });
