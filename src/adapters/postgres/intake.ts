import type { AccountId, AttemptId, CommandId, GatewayAccount, TransactionId } from "../../core/ids.ts";
import type { Intake, IntakeEntry } from "../../core/ports/intake.ts";
import { invariant } from "../../core/result.ts";
import type { Driver, SqlRow } from "./driver.ts";
import { answered } from "./faults.ts";
import { instantOfDate, printInstant } from "./rows.ts";
import { readOutcome } from "./storage.ts";

const ENTRY = "id, kind, fingerprint, body, account_id, attempt_id, gateway_account, transaction_id, received_at";
const TO_DO = "done_at is null and suspended_at is null";
const DUE = `${TO_DO} and (wait_until is null or wait_until <= $1::timestamptz)`;

export const postgresIntake = (driver: Driver): Intake => ({
  accept: (entry) =>
    answered(async () => {
      const [accepted] = await driver.query("select billing.accept_intake($1::text::jsonb) as fresh", [
        printEntry(entry),
      ]);
      if (accepted?.["fresh"] === true) return { status: "accepted" } as const;
      const [known] = await driver.query(
        `select known.fingerprint as asked, outcome.fingerprint, outcome.outcome, outcome.recorded_at
         from billing.intake known left join billing.outcomes outcome on outcome.command_id = known.id where known.id = $1`,
        [entry.id],
      );
      invariant(known !== undefined, "an entry that is not new is known");
      if (known["asked"] !== entry.fingerprint) return { status: "other_body" } as const;
      return { status: "repeated", recorded: known["outcome"] === null ? null : readOutcome(entry.id, known) } as const;
    }),
  acceptCheck: (entry, since) =>
    answered(async () => {
      const [accepted] = await driver.query(
        "select billing.accept_check($1::text::jsonb, $2::timestamptz) as accepted",
        [printEntry(entry), printInstant(since)],
      );
      return accepted?.["accepted"] === true ? ("accepted" as const) : ("another" as const);
    }),
  due: (now, limit) =>
    answered(async () => {
      const rows = await driver.query(
        `select ${ENTRY} from billing.intake where ${DUE} order by received_at, id limit $2`,
        [printInstant(now), limit],
      );
      return rows.map(readEntry);
    }),
  toDo: (ids, now) =>
    answered(async () => {
      const rows = await driver.query(
        `select ${ENTRY} from billing.intake where ${DUE} and id = any($2::text[]) order by received_at, id`,
        [printInstant(now), ids],
      );
      return rows.map(readEntry);
    }),
  entry: (id) =>
    answered(async () => {
      const [row] = await driver.query(`select ${ENTRY} from billing.intake where id = $1`, [id]);
      return row === undefined ? null : readEntry(row);
    }),
  wait: (id, until) =>
    answered(async () => {
      await driver.query(`update billing.intake set wait_until = $2::timestamptz where id = $1 and ${TO_DO}`, [
        id,
        printInstant(until),
      ]);
      return null;
    }),
  suspend: (id, at, reason) =>
    answered(async () => {
      await driver.query(
        `update billing.intake set suspended_at = $2::timestamptz, suspended_because = $3, wait_until = null where id = $1 and ${TO_DO}`,
        [id, printInstant(at), reason],
      );
      return null;
    }),
  suspended: (limit) =>
    answered(async () => {
      const rows = await driver.query(
        `select ${ENTRY}, suspended_at, suspended_because from billing.intake
         where suspended_at is not null and done_at is null order by suspended_at, id limit $1`,
        [limit],
      );
      return rows.map((row) => ({
        ...readEntry(row),
        suspendedAt: instantOfDate(row["suspended_at"]),
        reason: row["suspended_because"] as string,
      }));
    }),
});

const printEntry = (entry: IntakeEntry): string =>
  JSON.stringify({
    id: entry.id,
    kind: entry.kind,
    fingerprint: entry.fingerprint,
    body: entry.body,
    account_id: entry.accountId,
    attempt_id: entry.attemptId,
    gateway_account: entry.gatewayAccount,
    transaction_id: entry.transactionId,
    received_at: printInstant(entry.receivedAt),
  });

const readEntry = (row: SqlRow): IntakeEntry => ({
  id: row["id"] as CommandId,
  kind: row["kind"] as IntakeEntry["kind"],
  fingerprint: row["fingerprint"] as string,
  body: row["body"] as string,
  accountId: row["account_id"] as AccountId | null,
  attemptId: row["attempt_id"] as AttemptId | null,
  gatewayAccount: row["gateway_account"] as GatewayAccount | null,
  transactionId: row["transaction_id"] as TransactionId | null,
  receivedAt: instantOfDate(row["received_at"]),
});
