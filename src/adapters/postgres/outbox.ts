import type { StreamName } from "../../core/billing/stream.ts";
import type { CommandId } from "../../core/ids.ts";
import type { Outbox, OutboxMessage } from "../../core/ports/outbox.ts";
import { decodeEvent } from "../wire/events.ts";
import type { Driver, SqlRow } from "./driver.ts";
import { answered } from "./faults.ts";

const MESSAGE = `message.position, message.xid::text as xid, message.stream, message.version, event.type, event.schema, event.body,
  event.caused_by, asked.request_id
  from billing.outbox message join billing.events event on (event.stream, event.version) = (message.stream, message.version)
  left join billing.intake asked on asked.id = event.caused_by`;

export const postgresOutbox = (driver: Driver): Outbox => ({
  unrelayed: (limit) =>
    answered(async () => {
      const rows = await driver.query(
        `select ${MESSAGE} where message.relayed_at is null order by message.position limit $1`,
        [limit],
      );
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
  follow: (after, limit) =>
    answered(async () => {
      const [xid, position] = after === null ? ["0", "0"] : after.split(".");
      // A transaction that still runs may commit rows with its id: all from the oldest running one on is withheld.
      const rows = await driver.query(
        `select ${MESSAGE}
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
  event: decodeEvent(row["type"] as string, row["schema"] as number, row["body"]),
  causedBy: row["caused_by"] as CommandId,
  requestId: row["request_id"] as string | null,
});
