import type { AccountId, GatewayAccount } from "../ids.ts";
import type { BillingPolicy } from "../policy.ts";
import type { Clock } from "../ports/clock.ts";
import type { Digest } from "../ports/digest.ts";
import type { Commit, CommitFailure, Outcome, RecordedOutcome, Storage, StorageFault } from "../ports/storage.ts";
import { err, invariant } from "../result.ts";
import type { Instant } from "../time.ts";
import type { CommandType, Received } from "./command.ts";
import { type Desk, newIds } from "./desk.ts";
import { follow } from "./follow.ts";
import { handle } from "./handle.ts";
import { mayAsk } from "./permissions.ts";
import { type Handled, outcomeOf } from "./refusal.ts";
import { kindOf, type StreamName } from "./stream.ts";
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
  const executeAll = async (received: readonly Received[]): Promise<readonly Executed[]> => {
    const answers = new Map<Received, Executed>();
    const losses = new Map<Received, number>();
    for (let waiting = received; waiting.length > 0; waiting = waiting.filter((one) => !answers.has(one))) {
      for (const [one, came] of await runOnce(ports, waiting)) {
        if (came.status === "done" || came.status === "failed") answers.set(one, came);
        if (came.status !== "lost") continue;
        const lost = (losses.get(one) ?? 0) + 1;
        losses.set(one, lost);
        if (lost >= DECISIONS) answers.set(one, failed({ code: "contention", detail: came.detail }));
      }
    }
    return received.map((one) => {
      const answer = answers.get(one);
      invariant(answer !== undefined, "each command is answered");
      return answer;
    });
  };
  return {
    executeAll,
    execute: async (received) => {
      const [executed] = await executeAll([received]);
      invariant(executed !== undefined, "each command is answered");
      return executed;
    },
  };
};

type CameTo =
  | Executed
  /** Somebody else wrote first: decide again. */
  | { readonly status: "lost"; readonly detail: string }
  /** An earlier one of the batch concerns the same: it goes first, as it came first. */
  | { readonly status: "behind" };
/** A commit to write, or the answer itself where there is nothing to record. */
type Decided = { readonly commit: Commit } | { readonly refused: Executed };

/** One round of load, decide and commit. The first of the batch is never behind another, so each round settles something. */
const runOnce = async (ports: BillingPorts, received: readonly Received[]): Promise<ReadonlyMap<Received, CameTo>> => {
  const loaded = await ports.storage.load(received.flatMap(({ command }) => refsOf(command)));
  const cameTo = new Map<Received, CameTo>();
  if (!loaded.ok) return new Map(received.map((one) => [one, failed(loaded.error)]));
  const index = indexInvoices(loaded.value);
  /** Streams that a command of this round writes, or that one touches which had to go behind another. */
  const taken = new Set<StreamName>();
  const written: (readonly [Received, Commit])[] = [];
  for (const one of received) {
    const work = openWorkspace(loaded.value, ports.policy);
    const owner = ownerOf(one.command, work, index);
    const decided = decide(ports, one, work, index, owner, await ports.clock.now(owner));
    const touched = work.touched();
    // What is not found may be just what an earlier one makes: in the next round it is there.
    const isBehind = touched.some((stream) => taken.has(stream)) || (owner === null && taken.size > 0);
    if (isBehind) cameTo.set(one, { status: "behind" });
    else if ("refused" in decided) cameTo.set(one, await unlessDone(ports, one, decided.refused));
    else written.push([one, decided.commit]);
    const writes = "commit" in decided ? decided.commit.appends.map(({ stream }) => stream) : [];
    // Plans are read by all and written by few: who only reads one keeps nobody waiting.
    const reads = isBehind ? touched.filter((stream) => kindOf(stream) !== "plan") : [];
    for (const stream of [...writes, ...reads]) taken.add(stream);
  }
  const results = written.length === 0 ? [] : await ports.storage.commit(written.map(([, commit]) => commit));
  for (const [i, [one, commit]] of written.entries()) {
    const result = results[i];
    invariant(result !== undefined, "storage answers for each commit");
    cameTo.set(one, result.ok ? done(commit.outcome, false) : await afterFailure(ports, commit, result.error));
  }
  return cameTo;
};

/** Decides one command over what was loaded. Pure: the same command, streams and instant give the same commit. */
const decide = (
  { policy, gatewayAccount, digest }: BillingPorts,
  received: Received,
  work: Workspace,
  index: InvoiceIndex,
  owner: AccountId | null,
  at: Instant,
): Decided => {
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
  const handled = permitted(received, owner, work) ?? handle(desk, received.command);
  const outcome = outcomeOf(handled);
  const command = { id: received.id, fingerprint: received.fingerprint };
  if (!handled.ok) {
    if (isAskedAgain(received)) return { refused: done(outcome, false) };
    return { commit: { command, appends: [], expects: [], outcome, recordedAt: at } };
  }
  desk.settle();
  return { commit: { command, ...work.changes(), outcome, recordedAt: at } };
};

/**
 * What our own sweeps and a gateway are refused is asked again when things have changed: such a refusal is not recorded. But
 * for a check: it was answered when it was asked, and nobody waits for it.
 */
export const isAskedAgain = ({ actor, command }: Pick<Received, "actor" | "command">): boolean =>
  (actor.kind === "system" || actor.kind === "gateway") && command.type !== "payment.check";

/** What is somebody else's does not exist for a payer, and an erased account is bound to nothing new. Null: go on. */
const permitted = ({ actor, command }: Received, owner: AccountId | null, work: Workspace): Handled | null => {
  if (!mayAsk(actor, command.type)) return err({ code: "forbidden" });
  if (actor.kind === "payer" && actor.accountId !== owner) return err({ code: "not_found" });
  const binds = owner !== null && BINDING.has(command.type);
  return binds && work.customer(owner).status === "erased" ? err({ code: "customer_erased" }) : null;
};
const BINDING: ReadonlySet<CommandType> = new Set([
  "invoice.issue",
  "invoice.offer",
  "subscription.quote_change",
  "subscription.change",
  "subscription.pay_ahead",
]);

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
): Promise<CameTo> => {
  switch (failure.code) {
    case "command_done":
      return repeated(failure.recorded, command.fingerprint);
    case "version_conflict":
      return { status: "lost", detail: `${failure.stream} was written meanwhile` };
    case "unique_conflict":
      return { status: "lost", detail: `${failure.constraint} held meanwhile` };
    case "storage_unavailable":
      return failed(failure);
    case "commit_unknown": {
      const recorded = await storage.outcome(command.id);
      if (!recorded.ok) return failed(failure);
      // Nothing recorded yet: deciding again is safe, for the first run, should it still commit, takes the command's id.
      return recorded.value === null
        ? { status: "lost", detail: "the answer to a commit was lost" }
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
