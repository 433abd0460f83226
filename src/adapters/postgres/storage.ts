import { keyOf } from "../../core/billing/projection.ts";
import type { StreamName } from "../../core/billing/stream.ts";
import type { CommandId } from "../../core/ids.ts";
import type {
  Commit,
  CommitFailure,
  Committed,
  LoadedStream,
  RecordedOutcome,
  Storage,
  StreamRef,
} from "../../core/ports/storage.ts";
import { Bug, err, invariant, ok, type Result } from "../../core/result.ts";
import { decodeEvent, encodeEvent } from "../wire/events.ts";
import { decodeOutcome, encodeOutcome } from "../wire/outcomes.ts";
import { ConnectionLost, type Driver, type SqlRow } from "./driver.ts";
import { answered, despiteDeadlocks, faultOf, isRefusal } from "./faults.ts";
import { instantOfDate, printInstant, printRows } from "./rows.ts";

export const postgresStorage = (driver: Driver): Storage => ({
  load: (refs) =>
    answered(async () => {
      const rows = await driver.query(LOAD, refLists(refs));
      const streams = new Map<StreamName, { version: number; events: LoadedStream["events"][number][] }>();
      for (const { stream, type, schema, body } of rows) {
        const name = stream as StreamName;
        const loaded = streams.get(name) ?? { version: 0, events: [] };
        loaded.events.push(decodeEvent(type as string, schema as number, body));
        loaded.version += 1;
        streams.set(name, loaded);
      }
      return streams;
    }),
  commit: (commits) => (commits.length === 0 ? Promise.resolve([]) : commitAll(driver, commits)),
  outcome: (id) => answered(() => outcomeOf(driver, id)),
});

/**
 * The named streams and all they link to, in one statement: one round trip and one consistent view. The limits do not limit
 * anything: they keep the planner, which thinks of thousands of links, from reading whole tables.
 */
const LOAD = `
with recursive roots (stream) as (
  select unnest($1::text[])
  union select 'invoice/' || invoice_id from billing.attempts where attempt_id = any($2::text[])
  union select 'invoice/' || invoice_id from billing.refunds where refund_key = any($3::text[])
  union select 'invoice/' || invoice_id from unnest($4::text[], $5::text[]) as given (gateway, transaction)
    join billing.captures on (gateway_account, transaction_id) = (given.gateway, given.transaction)
), reached (stream) as (
  select stream from roots
  union
  select unnest(known.links) from reached
  cross join lateral (select links from billing.streams where streams.stream = reached.stream limit 1) as known
)
select event.stream, event.type, event.schema, event.body
from reached cross join lateral (
  select stream, version, type, schema, body from billing.events where events.stream = reached.stream order by version
) as event
order by event.stream, event.version`;

const refLists = (refs: readonly StreamRef[]): readonly (readonly string[])[] => {
  const lists: [string[], string[], string[], string[], string[]] = [[], [], [], [], []];
  const [streams, attempts, refunds, gateways, transactions] = lists;
  for (const ref of refs) {
    if (ref.by === "stream") streams.push(ref.stream);
    if (ref.by === "attempt") attempts.push(ref.attemptId);
    if (ref.by === "refund") refunds.push(ref.refundId);
    if (ref.by === "transaction") {
      gateways.push(ref.gatewayAccount);
      transactions.push(ref.transactionId);
    }
  }
  return lists;
};

type Answer = {
  readonly ok?: true;
  readonly conflict?: string;
  readonly stream?: string;
  readonly constraint?: string;
  readonly broken?: string;
};

const commitAll = async (
  driver: Driver,
  commits: readonly Commit[],
): Promise<readonly Result<Committed, CommitFailure>[]> => {
  let answers: readonly Answer[];
  try {
    answers = await write(driver, commits);
  } catch (error) {
    if (error instanceof ConnectionLost && error.sent) return afterLoss(driver, commits);
    if (error instanceof Bug || isRefusal(error)) return oneByOne(driver, commits, error);
    const fault = faultOf(error);
    return commits.map(() => err(fault));
  }
  return readAnswers(driver, commits, answers);
};

/**
 * Commits that have no stream and no row in common are written as one part first: many commits then cost few statements.
 * Only where that fails is each a part of its own, to find out whose fault it was.
 */
const write = async (driver: Driver, commits: readonly Commit[]): Promise<readonly Answer[]> => {
  if (commits.length > 1 && areApart(commits)) {
    const [whole] = await send(driver, [commits]);
    if (whole?.ok === true) return commits.map(() => whole);
  }
  return send(
    driver,
    commits.map((commit) => [commit]),
  );
};

const areApart = (commits: readonly Commit[]): boolean => {
  const [written, read] = [new Set<string>(), new Set<string>()];
  return commits.every(({ appends, expects }) => {
    const rows = appends.flatMap(({ changes }) => [...changes.removed, ...changes.written]);
    // What one commit does with a row of its own is its own affair.
    const writes = new Set([...appends.map(({ stream }) => stream), ...rows.map(keyOf)]);
    const reads = expects.map(({ stream }) => stream);
    if ([...writes].some((name) => written.has(name) || read.has(name))) return false;
    if (reads.some((name) => written.has(name))) return false;
    for (const name of writes) written.add(name);
    for (const name of reads) read.add(name);
    return true;
  });
};

const send = async (driver: Driver, parts: readonly (readonly Commit[])[]): Promise<readonly Answer[]> => {
  const printed = JSON.stringify(parts.map(printPart));
  const [row] = await despiteDeadlocks(() =>
    driver.query("select billing.commit_all($1::text::jsonb) as answers", [printed]),
  );
  return (row as SqlRow)["answers"] as readonly Answer[];
};

/**
 * A commit that can't be printed, or that the database can't even read (a text with a NUL), fails the whole statement, and
 * nothing of it stands. So each is written by itself, and only the one that is to blame is a Bug.
 */
const oneByOne = async (
  driver: Driver,
  commits: readonly Commit[],
  refusal: unknown,
): Promise<readonly Result<Committed, CommitFailure>[]> => {
  const [only, ...more] = commits;
  if (only !== undefined && more.length === 0)
    throw new Bug(`the database does not take what ${only.command.id} decided: ${String(refusal)}`);
  const results: Result<Committed, CommitFailure>[] = [];
  const bugs: unknown[] = [];
  for (const commit of commits) {
    await commitAll(driver, [commit]).then(
      (answers) => results.push(...answers),
      (bug: unknown) => bugs.push(bug),
    );
  }
  if (bugs.length > 0) throw bugs[0];
  return results;
};

const printPart = (commits: readonly Commit[]): object => {
  const changes = commits.flatMap(({ appends }) => appends.map((append) => append.changes));
  return {
    outcomes: commits.map(({ command, outcome, recordedAt }) => ({
      command_id: command.id,
      fingerprint: command.fingerprint,
      outcome: encodeOutcome(outcome),
      recorded_at: printInstant(recordedAt),
    })),
    streams: commits.flatMap(printStreams).sort(byName),
    events: commits.flatMap(printEvents),
    removed: printRows(changes.flatMap(({ removed }) => removed)),
    written: printRows(changes.flatMap(({ written }) => written)),
  };
};

/** Names are compared by code units, as the database compares them. */
const byName = (a: { readonly stream: string }, b: { readonly stream: string }): number =>
  a.stream < b.stream ? -1 : a.stream > b.stream ? 1 : 0;

const printStreams = ({ appends, expects }: Commit) => {
  // Expected before appended, should a commit name a stream twice: its version is looked at before it moves.
  const read = new Map(expects.map(({ stream, version }) => [stream, { stream, version, to: null, links: null }]));
  return [
    ...read.values(),
    ...appends.map(({ stream, expected, events, links }) => ({
      stream,
      version: expected,
      to: expected + events.length,
      links,
    })),
  ];
};

const printEvents = ({ command, appends, recordedAt }: Commit) =>
  appends.toSorted(byName).flatMap(({ stream, expected, events }) =>
    events.map((event, i) => ({
      stream,
      version: expected + i + 1,
      ...encodeEvent(event),
      caused_by: command.id,
      recorded_at: printInstant(recordedAt),
    })),
  );

const readAnswers = async (
  driver: Driver,
  commits: readonly Commit[],
  answers: readonly Answer[],
): Promise<readonly Result<Committed, CommitFailure>[]> => {
  const results: Result<Committed, CommitFailure>[] = [];
  for (const [i, commit] of commits.entries()) {
    const answer = answers[i];
    invariant(answer !== undefined, "each commit is answered");
    // The others of the batch stand, and their outcomes tell of them.
    if (answer.broken !== undefined)
      throw new Bug(`the database refused what ${commit.command.id} decided: ${answer.broken}`);
    results.push(await readAnswer(driver, commit, answer));
  }
  return results;
};

const readAnswer = async (
  driver: Driver,
  commit: Commit,
  answer: Answer,
): Promise<Result<Committed, CommitFailure>> => {
  switch (answer.conflict) {
    case undefined:
      return ok(committed(commit));
    case "version":
      return err({ code: "version_conflict", stream: answer.stream as StreamName });
    case "unique":
      return err({ code: "unique_conflict", constraint: answer.constraint ?? "" });
    default: {
      const recorded = await outcomeOf(driver, commit.command.id);
      invariant(recorded !== null, "a command that is done has an outcome");
      return err({ code: "command_done", recorded });
    }
  }
};

const committed = ({ appends }: Commit): Committed => ({
  streams: appends.map(({ stream, expected, events }) => ({ stream, version: expected + events.length })),
});

/** The answer was lost. What has an outcome now was written; what has none may still be on its way. */
const afterLoss = async (
  driver: Driver,
  commits: readonly Commit[],
): Promise<readonly Result<Committed, CommitFailure>[]> =>
  Promise.all(
    commits.map(async (commit): Promise<Result<Committed, CommitFailure>> => {
      const unknown = err({ code: "commit_unknown", commandId: commit.command.id });
      const recorded = await answered(() => outcomeOf(driver, commit.command.id));
      if (!recorded.ok || recorded.value === null) return unknown;
      // Ours or an earlier run's: the recorded outcome says which, and the caller is told of it.
      return err({ code: "command_done", recorded: recorded.value });
    }),
  );

const outcomeOf = async (driver: Driver, id: CommandId): Promise<RecordedOutcome | null> => {
  const [row] = await driver.query(
    "select fingerprint, outcome, recorded_at from billing.outcomes where command_id = $1",
    [id],
  );
  return row === undefined ? null : readOutcome(id, row);
};

export const readOutcome = (commandId: CommandId, row: SqlRow): RecordedOutcome => ({
  commandId,
  fingerprint: row["fingerprint"] as string,
  outcome: decodeOutcome(row["outcome"]),
  recordedAt: instantOfDate(row["recorded_at"]),
});
