import type { StreamName } from "../../core/billing/stream.ts";
import type { AccountId, CommandId } from "../../core/ids.ts";
import type { Outbox, OutboxMessage } from "../../core/ports/outbox.ts";
import { decodeEventToTell } from "../wire/events.ts";
import type { Driver, SqlRow } from "./driver.ts";
import { answered } from "./faults.ts";
import { instantOfDate } from "./rows.ts";

/** Messages with all that is told of them. @param rows which, as a table or a select in brackets */
const messagesOf = (rows: string): string =>
  `select message.position, message.xid::text as xid, message.stream, message.version, event.type, event.schema, event.body,
     event.caused_by, event.recorded_at, asked.request_id, customer.stream as customer
   from ${rows} message join billing.events event on (event.stream, event.version) = (message.stream, message.version)
   join billing.streams stream on stream.stream = message.stream
   left join lateral (
     select name as stream from unnest(message.stream || stream.links) name where name like 'customer/%' limit 1
   ) customer on true
   left join billing.intake asked on asked.id = event.caused_by`;
/**
 * Chosen before anything is joined to them: else a plan that was made during a backlog walks over all that was ever relayed.
 * What is in hand is taken off as a set: compared one by one, 500 with 500, it took longer than all the rest.
 */
const UNRELAYED = messagesOf(`(
  select * from billing.outbox where position in (
    select position from (
      select position from billing.outbox where relayed_at is null order by position limit $1::int + cardinality($2::text[])
    ) as next
    except select unnest($2::text[]::bigint[])
    order by position limit $1::int
  )
)`);

export const postgresOutbox = (driver: Driver): Outbox => ({
  unrelayed: (limit, inHand = []) =>
    answered(async () => {
      const rows = await driver.query(`${UNRELAYED} order by message.position`, [limit, inHand.map(String)]);
      return rows.map(readMessage);
    }),
  relayed: (positions) =>
    answered(async () => {
      await driver.query(
        "update billing.outbox set relayed_at = now() where position = any($1::text[]::bigint[]) and relayed_at is null",
        [positions.map(String)],
      );
      return null;
    }),
  backlog: () =>
    answered(async () => {
      const [row] = await driver.query(
        `select count(*)::int as messages, min(event.recorded_at) as oldest_at
         from billing.outbox message join billing.events event on (event.stream, event.version) = (message.stream, message.version)
         where message.relayed_at is null`,
      );
      const oldestAt = row?.["oldest_at"] ?? null;
      return {
        messages: row?.["messages"] as number,
        oldestAt: oldestAt === null ? null : instantOfDate(oldestAt),
      };
    }),
  follow: (after, limit) =>
    answered(async () => {
      const [xid, position] = after === null ? ["0", "0"] : after.split(".");
      // A transaction that still runs may commit rows with its id: all from the oldest running one on is withheld.
      const rows = await driver.query(
        `${messagesOf("billing.outbox")}
         where (message.xid, message.position) > ($1::text::xid8, $2::text::bigint) and message.xid < pg_snapshot_xmin(pg_current_snapshot())
         order by message.xid, message.position limit $3`,
        [xid ?? "0", position ?? "0", limit],
      );
      return rows.map(readMessage);
    }),
});

const readMessage = (row: SqlRow): OutboxMessage => ({
  position: BigInt(row["position"] as bigint),
  cursor: `${String(row["xid"])}.${String(row["position"])}`,
  stream: row["stream"] as StreamName,
  version: row["version"] as number,
  event: decodeEventToTell(row["type"] as string, row["schema"] as number, row["body"]),
  accountId: accountOf(row["customer"] as string | null),
  causedBy: row["caused_by"] as CommandId,
  requestId: row["request_id"] as string | null,
  recordedAt: instantOfDate(row["recorded_at"]),
});

/** All that belongs to an account is its customer's stream, or is linked to that. */
const accountOf = (customer: string | null): AccountId | null =>
  customer === null ? null : (customer.slice("customer/".length) as AccountId);
