import { type Billing, type Executed, isAskedAgain } from "../billing/billing.ts";
import type { Received } from "../billing/command.ts";
import type { CommandId } from "../ids.ts";
import type { Bus } from "../ports/bus.ts";
import type { Intake, IntakeEntry } from "../ports/intake.ts";
import type { IntakeBodies } from "../ports/intake-bodies.ts";
import type { Report, Reports } from "../ports/reports.ts";
import type { Outcome } from "../ports/storage.ts";
import { DAY_MS, earlier, type Instant, MINUTE_MS, plusMs, SECOND_MS } from "../time.ts";

/** Takes what was accepted into the intake and executes it. Any number may run at once: a command has one outcome. */
export type Updater = {
  /** Takes the named rows that are still to do. */
  take(ids: readonly CommandId[]): Promise<void>;
  /** Takes what is due, named by nobody: a lost ring, a crash, a wait that is over. Answers whether there may be more. */
  sweep(): Promise<boolean>;
};

export type UpdaterPorts = {
  readonly billing: Billing;
  readonly intake: Pick<Intake, "due" | "toDo" | "wait" | "suspend">;
  readonly bus: Pick<Bus, "tellOutcome">;
  readonly bodies: IntakeBodies;
  readonly reports: Reports;
  /** Wall time. */
  readonly now: () => Instant;
  /** Something was written: what waits for it may look. */
  readonly onCommitted: () => void;
  /** A command of another service has come to its end: it is to be told. */
  readonly onServed: () => void;
  /** Hears of each command that has come to its end, for the log. */
  readonly log: (done: CommandDone) => void;
};
export type CommandDone = {
  readonly id: CommandId;
  /** As in "invoice.offer". */
  readonly command: string;
  /** Null: it was done. */
  readonly refusal: string | null;
  readonly requestId: string | null;
};

/** Rows that go into one transaction. */
const BATCH_ROWS = 32;
/** A fact whose payment is not known yet goes to the suspense list after this. Source: design, part 3. */
const FACT_WAITS_MS = DAY_MS;
/** Meanwhile it is tried now and then: a payment that a look-up has found is known, and has woken nobody. */
const TRIED_AGAIN_MS = 10 * MINUTE_MS;
/** A row that our own code cannot take is tried this often before it is left to a person. */
const TRIES = 5;

export const updater = (ports: UpdaterPorts): Updater => {
  const failures = new Map<CommandId, number>();

  /** Answers how many rows are settled: done, or put aside until something happens. */
  const takeAll = async (entries: readonly IntakeEntry[]): Promise<number> => {
    const rows = await readable(ports, entries);
    let settled = entries.length - rows.length;
    for (const [row, came] of await executeAll(ports, rows, failures)) {
      if (came.status === "failed") continue; // Stays due: it is met again by the next sweep.
      settled += 1;
      failures.delete(row.entry.id);
      if (came.outcome.ok || !isAskedAgain(row.received)) await tell(ports, row, came.outcome);
      else await putAside(ports, row, came.outcome.refusal.code);
    }
    if (settled > 0) ports.onCommitted();
    if (settled > 0 && entries.some(({ sender }) => sender !== null)) ports.onServed();
    return settled;
  };

  // What this process is at already: a sweep under load would take the very rows that were rung for, and decide them twice.
  const inHand = new Set<CommandId>();
  const isFree = (id: CommandId): boolean => !inHand.has(id);
  const takeFree = async (entries: readonly IntakeEntry[]): Promise<number> => {
    for (const { id } of entries) inHand.add(id);
    try {
      return await takeAll(entries);
    } finally {
      for (const { id } of entries) inHand.delete(id);
    }
  };

  return {
    take: async (ids) => {
      const entries = await ports.intake.toDo(ids.filter(isFree), ports.now());
      if (!entries.ok) return;
      const free = entries.value.filter(({ id }) => isFree(id));
      for (let from = 0; from < free.length; from += BATCH_ROWS) await takeFree(free.slice(from, from + BATCH_ROWS));
    },
    sweep: async () => {
      const entries = await ports.intake.due(ports.now(), BATCH_ROWS + inHand.size);
      if (!entries.ok) return false;
      const free = entries.value.filter(({ id }) => isFree(id)).slice(0, BATCH_ROWS);
      const settled = await takeFree(free);
      return settled > 0 && free.length === BATCH_ROWS;
    },
  };
};

type Row = { readonly entry: IntakeEntry; readonly received: Received };

const tell = async ({ bus, log }: UpdaterPorts, { entry, received }: Row, outcome: Outcome): Promise<void> => {
  const { id, requestId } = entry;
  log({ id, command: received.command.type, refusal: outcome.ok ? null : outcome.refusal.code, requestId });
  await bus.tellOutcome(id, outcome);
};

/** What cannot be read goes to the suspense list at once: no later event would make it readable. */
const readable = async (ports: UpdaterPorts, entries: readonly IntakeEntry[]): Promise<readonly Row[]> => {
  const rows: Row[] = [];
  for (const entry of entries) {
    const asked = ports.bodies.parse(entry.body);
    const { id, fingerprint, receivedAt } = entry;
    if (asked.ok) rows.push({ entry, received: { id, fingerprint, receivedAt, ...asked.value } });
    else await suspend(ports, entry, asked.error.detail);
  }
  return rows;
};

/** As one batch; where our own code breaks on one of them, each by itself, so that the others go on. */
const executeAll = async (
  ports: UpdaterPorts,
  rows: readonly Row[],
  failures: Map<CommandId, number>,
): Promise<readonly (readonly [Row, Executed])[]> => {
  if (rows.length === 0) return [];
  try {
    const executed = await ports.billing.executeAll(rows.map(({ received }) => received));
    return rows.flatMap((row, i) => {
      const came = executed[i];
      return came === undefined ? [] : [[row, came] as const];
    });
  } catch (error) {
    const [only] = rows;
    if (rows.length === 1 && only !== undefined) {
      await putOff(ports, only.entry, error, failures);
      return [];
    }
    const each: (readonly [Row, Executed])[] = [];
    for (const row of rows) each.push(...(await executeAll(ports, [row], failures)));
    return each;
  }
};

/** Our own code broke on this row: it is tried again, and after some tries left to a person. */
const putOff = async (
  ports: UpdaterPorts,
  entry: IntakeEntry,
  error: unknown,
  failures: Map<CommandId, number>,
): Promise<void> => {
  const { id } = entry;
  const tries = (failures.get(id) ?? 0) + 1;
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  if (tries >= TRIES) {
    failures.delete(id);
    await suspend(ports, entry, reason);
    return;
  }
  failures.set(id, tries);
  const facts = { id, tries: `${tries}`, reason, ...askedBy(entry) };
  ports.reports({ level: "alarm", what: "command_broken", facts });
  await ports.intake.wait(id, plusMs(ports.now(), SECOND_MS * 2 ** tries));
};

/** A gateway's fact that is refused has happened all the same: most likely its payment is not known here yet. */
const putAside = async (ports: UpdaterPorts, row: Row, code: string): Promise<void> => {
  const { entry, received } = row;
  const until = plusMs(entry.receivedAt, FACT_WAITS_MS);
  if (ports.now() >= until) {
    await suspend(ports, entry, code);
    return;
  }
  await ports.intake.wait(entry.id, earlier(until, plusMs(ports.now(), TRIED_AGAIN_MS)));
  // What came between the refusal and the wait has woken nobody.
  const again = await ports.billing.execute(received);
  if (again.status === "done" && again.outcome.ok) await tell(ports, row, again.outcome);
};

const suspend = async ({ intake, now, reports }: UpdaterPorts, entry: IntakeEntry, reason: string): Promise<void> => {
  const { id } = entry;
  await intake.suspend(id, now(), reason);
  reports({ level: "alarm", what: "intake_suspended", facts: { id, reason, ...askedBy(entry) } });
};

const askedBy = ({ requestId }: IntakeEntry): Report["facts"] => (requestId === null ? {} : { requestId });
