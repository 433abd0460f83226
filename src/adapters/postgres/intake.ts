import type { AccountId, AttemptId, CommandId, GatewayAccount, TransactionId } from "../../core/ids.ts";
import type { Accepted, Intake, IntakeEntry } from "../../core/ports/intake.ts";
import type { Sender, ServiceOutcome } from "../../core/ports/services.ts";
import type { VaultSecret } from "../../core/ports/vault.ts";
import { commandTypeOf } from "../wire/intake-bodies.ts";
import { type Driver, SqlError, type SqlRow } from "./driver.ts";
import { answered } from "./faults.ts";
import { groupRead } from "./group-read.ts";
import { instantOfDate, printInstant } from "./rows.ts";
import { type OwnersKey, ownerOf, type Seals } from "./seals.ts";
import { readOutcome } from "./storage.ts";
import { isKeyGone } from "./vault.ts";

const ENTRY =
  "id, kind, fingerprint, body, account_id, attempt_id, gateway_account, transaction_id, request_id, service, service_command, reply_to, received_at";
const TO_DO = "done_at is null and suspended_at is null";
const DUE = `${TO_DO} and (wait_until is null or wait_until <= $1::timestamptz)`;

export const postgresIntake = (driver: Driver, seals: Seals): Intake => {
  const acceptCommand = groupRead((entries: readonly IntakeEntry[]) =>
    acceptCommands(driver, entries).catch((error: unknown) => {
      // One that the database cannot even read must not keep out the others: each is tried by itself.
      if (error instanceof SqlError) return new Map<IntakeEntry, Accepted>();
      throw error;
    }),
  );
  return {
    accept: (entry, secrets = []) =>
      answered(async () => {
        const together = secrets.length === 0 && waitsForNothing(entry) ? await acceptCommand(entry) : null;
        if (together !== null) return together;
        const owner = ownerOf(entry.accountId);
        for (;;) {
          const key = secrets.length === 0 ? null : seals.keyFor(owner);
          const accepted = await acceptWith(driver, seals, { entry, owner, key, secrets });
          switch (accepted?.["said"]) {
            case "accepted":
              if (key !== null) seals.keep(owner, key);
              return { status: "accepted" } as const;
            case "known":
              return readAccepted(entry, accepted);
            case "other_key":
              seals.stored(owner, { id: accepted["key_id"] as string, wrapped: accepted["wrapped"] as Uint8Array });
              break;
            default: // The key was destroyed under our hands: once more, with a new one.
              seals.drop(owner);
          }
        }
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
    replay: (id) =>
      answered(async () => {
        const rows = await driver.query(
          `update billing.intake set suspended_at = null, suspended_because = null
         where id = $1 and suspended_at is not null and done_at is null returning id`,
          [id],
        );
        return rows.length > 0;
      }),
    untold: (limit) =>
      answered(async () => {
        const rows = await driver.query(
          `select asked.id, asked.service, asked.service_command, asked.reply_to, asked.body, done.fingerprint, done.outcome, done.recorded_at
         from billing.intake asked join billing.outcomes done on done.command_id = asked.id
         where asked.service is not null and asked.told_at is null and asked.done_at is not null
         order by asked.done_at, asked.id limit $1`,
          [limit],
        );
        return rows.map(readOutcomeToTell);
      }),
    told: (ids) =>
      answered(async () => {
        await driver.query(
          "update billing.intake set told_at = now() where id = any($1::text[]) and service is not null and told_at is null",
          [ids],
        );
        return null;
      }),
  };
};

/** No other row is woken by it, nor does it wait to be woken. */
const waitsForNothing = ({ attemptId, transactionId }: IntakeEntry): boolean =>
  attemptId === null && transactionId === null;

/** Those that can be accepted in one statement; what is not in the answer is to be accepted by itself. */
const acceptCommands = async (
  driver: Driver,
  entries: readonly IntakeEntry[],
): Promise<ReadonlyMap<IntakeEntry, Accepted>> => {
  // Of one id the first: whether the others ask for the same is seen once it stands.
  const first = new Map(entries.toReversed().map((entry) => [entry.id, entry]));
  if (first.size === 1) return new Map();
  const rows = await driver.query("select * from billing.accept_commands($1::text::jsonb)", [
    `[${[...first.values()].map(printEntry).join(",")}]`,
  ]);
  const accepted = new Map<IntakeEntry, Accepted>();
  for (const row of rows) {
    const entry = first.get(row["id"] as CommandId);
    if (entry !== undefined && row["said"] !== "raced") accepted.set(entry, readAccepted(entry, row));
  }
  return accepted;
};

const readAccepted = (entry: IntakeEntry, row: SqlRow): Accepted => {
  if (row["said"] === "accepted") return { status: "accepted" };
  if (row["known_fingerprint"] !== entry.fingerprint) return { status: "other_body" };
  return { status: "repeated", recorded: row["outcome"] === null ? null : readOutcome(entry.id, row) };
};

const readSender = (row: SqlRow): Sender | null =>
  row["service"] === null
    ? null
    : {
        service: row["service"] as string,
        commandId: row["service_command"] as string,
        replyTo: row["reply_to"] as string | null,
      };

const readOutcomeToTell = (row: SqlRow): ServiceOutcome => {
  const { outcome, recordedAt } = readOutcome(row["id"] as CommandId, row);
  return {
    id: row["id"] as CommandId,
    service: row["service"] as string,
    commandId: row["service_command"] as string,
    command: commandTypeOf(row["body"] as string),
    replyTo: row["reply_to"] as string | null,
    outcome,
    at: recordedAt,
  };
};

type Accepting = {
  readonly entry: IntakeEntry;
  readonly owner: string;
  /** Null: there is nothing to seal. */
  readonly key: OwnersKey | null;
  readonly secrets: readonly VaultSecret[];
};

/** Undefined: the key that was sealed with is not there any more. */
const acceptWith = async (
  driver: Driver,
  seals: Seals,
  { entry, owner, key, secrets }: Accepting,
): Promise<SqlRow | undefined> => {
  const sealed = secrets.map((secret) => ({
    kind: secret.kind,
    name: secret.name,
    sealed: key === null ? null : seals.seal(owner, key, secret, secret.secret).toBase64(),
    kept_at: printInstant(secret.keptAt),
    expires_at: secret.expiresAt === null ? null : printInstant(secret.expiresAt),
  }));
  try {
    const [row] = await driver.query(
      "select * from billing.accept($1::text::jsonb, $2, $3::uuid, $4, $5::text::jsonb)",
      [printEntry(entry), owner, key?.id ?? null, key?.wrapped ?? null, JSON.stringify(sealed)],
    );
    return row;
  } catch (error) {
    if (isKeyGone(error)) return undefined;
    throw error;
  }
};

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
    request_id: entry.requestId,
    service: entry.sender?.service ?? null,
    service_command: entry.sender?.commandId ?? null,
    reply_to: entry.sender?.replyTo ?? null,
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
  requestId: row["request_id"] as string | null,
  sender: readSender(row),
  receivedAt: instantOfDate(row["received_at"]),
});
