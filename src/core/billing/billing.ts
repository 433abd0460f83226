import type { AccountId, GatewayAccount } from "../ids.ts";
import type { BillingPolicy } from "../policy.ts";
import type { Clock } from "../ports/clock.ts";
import type { Digest } from "../ports/digest.ts";
import type { Commit, CommitFailure, Outcome, RecordedOutcome, Storage, StorageFault } from "../ports/storage.ts";
import { err } from "../result.ts";
import type { Instant } from "../time.ts";
import type { Received } from "./command.ts";
import { type Desk, newIds } from "./desk.ts";
import { follow } from "./follow.ts";
import { handle } from "./handle.ts";
import { mayAsk } from "./permissions.ts";
import { type Handled, outcomeOf } from "./refusal.ts";
import { type InvoiceIndex, indexInvoices, ownerOf, refsOf } from "./subject.ts";
import { openWorkspace, type Workspace } from "./workspace.ts";

/** The State Updater: the one place where invoices and subscriptions change. */
export type Billing = {
  /** Loads, decides and commits one command. Safe to call again with the same command, at any time and anywhere. */
  execute(received: Received): Promise<Executed>;
  /** The same for many, in one transaction where they do not touch each other; one answer for each, in order. */
  executeAll(received: readonly Received[]): Promise<readonly Executed[]>;
};

export type Executed =
  /** `repeated`: it had been done before, and this is what it came to then. */
  | { readonly status: "done"; readonly outcome: Outcome; readonly repeated: boolean }
  /** Nothing is known to be written, or another run will tell. Safe to try again. */
  | { readonly status: "failed"; readonly fault: ExecutionFault };
export type ExecutionFault = StorageFault | { readonly code: "contention"; readonly detail: string };

export type BillingPorts = {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly digest: Digest;
  readonly policy: BillingPolicy;
  /** Where new money is taken. */
  readonly gatewayAccount: GatewayAccount;
};

/** First decision and three more: who still meets somebody else's write then is told to come back. */
const DECISIONS = 4;

export const billing = (ports: BillingPorts): Billing => {
  const execute = async (received: Received): Promise<Executed> => {
    let last = "";
    for (let tries = 0; tries < DECISIONS; tries += 1) {
      const [executed] = await runOnce(ports, [received]);
      if (executed === undefined || typeof executed === "string") last = executed ?? "";
      else return executed;
    }
    return { status: "failed", fault: { code: "contention", detail: last } };
  };
  return {
    execute,
    executeAll: async (received) => {
      const first = await runOnce(ports, received);
      const answers: Executed[] = [];
      for (const [i, executed] of first.entries()) {
        answers.push(typeof executed === "string" ? await execute(received[i] as Received) : executed);
      }
      return answers;
    },
  };
};

/** One round of load, decide and commit. A string: somebody else wrote first, decide again. */
const runOnce = async (ports: BillingPorts, received: readonly Received[]): Promise<readonly (Executed | string)[]> => {
  const loaded = await ports.storage.load(received.flatMap(({ command }) => refsOf(command)));
  if (!loaded.ok) return received.map(() => failed(loaded.error));
  const index = indexInvoices(loaded.value);
  const answers = new Map<number, Executed | string>();
  const commits: { readonly place: number; readonly commit: Commit }[] = [];
  for (const [place, one] of received.entries()) {
    const desk = openWorkspace(loaded.value, ports.policy);
    const account = ownerOf(one.command, desk, index);
    const decided = decide(ports, one, desk, index, account, await ports.clock.now(account));
    if ("status" in decided) answers.set(place, await unlessDone(ports, one, decided));
    else commits.push({ place, commit: decided });
  }
  const written = commits.length === 0 ? [] : await ports.storage.commit(commits.map(({ commit }) => commit));
  for (const [i, { place, commit }] of commits.entries()) {
    const result = written[i];
    if (result === undefined) throw new Error("storage answers for each commit");
    answers.set(place, result.ok ? done(commit.outcome, false) : await afterFailure(ports, commit, result.error));
  }
  return received.map((_, place) => answers.get(place) ?? "no answer");
};

/**
 * Decides one command over what was loaded. Pure: the same command, streams and instant give the same commit.
 * @returns a commit to write, or the answer itself where there is nothing to record
 */
const decide = (
  { policy, gatewayAccount, digest }: BillingPorts,
  received: Received,
  work: Workspace,
  index: InvoiceIndex,
  owner: AccountId | null,
  at: Instant,
): Commit | Executed => {
  const desk: Desk = {
    work,
    received,
    at,
    policy,
    gatewayAccount,
    index,
    newId: newIds(digest, received),
    settle: () => {
      for (let happened = work.next(); happened !== null; happened = work.next()) follow(desk, happened);
    },
  };
  const handled = permitted(received, owner) ?? handle(desk, received.command);
  const outcome = outcomeOf(handled);
  const command = { id: received.id, fingerprint: received.fingerprint };
  if (!handled.ok) {
    // What our own sweeps and a gateway are refused is asked again when things have changed: it is not kept.
    const ours = received.actor.kind === "system" || received.actor.kind === "gateway";
    return ours ? done(outcome, false) : { command, appends: [], expects: [], outcome, recordedAt: at };
  }
  desk.settle();
  return { command, ...work.changes(), outcome, recordedAt: at };
};

/** What is somebody else's does not exist for a payer. Null: go on. */
const permitted = ({ actor, command }: Received, owner: AccountId | null): Handled | null => {
  if (!mayAsk(actor, command.type)) return err({ code: "forbidden" });
  return actor.kind === "payer" && actor.accountId !== owner ? err({ code: "not_found" }) : null;
};

/** A refusal that is not recorded may meet a command that was done before and now refuses itself: then that counts. */
const unlessDone = async (
  { storage }: BillingPorts,
  { id, fingerprint }: Received,
  refused: Executed,
): Promise<Executed> => {
  const recorded = await storage.outcome(id);
  if (!recorded.ok) return failed(recorded.error);
  return recorded.value === null ? refused : repeated(recorded.value, fingerprint);
};

const afterFailure = async (
  { storage }: BillingPorts,
  { command }: Commit,
  failure: CommitFailure,
): Promise<Executed | string> => {
  switch (failure.code) {
    case "command_done":
      return repeated(failure.recorded, command.fingerprint);
    case "version_conflict":
      return `${failure.stream} was written meanwhile`;
    case "unique_conflict":
      return `${failure.constraint} held meanwhile`;
    case "storage_unavailable":
      return failed(failure);
    case "commit_unknown": {
      const recorded = await storage.outcome(command.id);
      if (!recorded.ok) return failed(failure);
      // Nothing recorded yet: deciding again is safe, for the first run, should it still commit, takes the command's id.
      return recorded.value === null
        ? "the answer to a commit was lost"
        : repeated(recorded.value, command.fingerprint);
    }
  }
};

const repeated = (recorded: RecordedOutcome, fingerprint: string): Executed =>
  recorded.fingerprint === fingerprint
    ? done(recorded.outcome, true)
    : done(outcomeOf(err({ code: "command_id_reused" })), false);
const done = (outcome: Outcome, again: boolean): Executed => ({ status: "done", outcome, repeated: again });
const failed = (fault: ExecutionFault): Executed => ({ status: "failed", fault });
