import { type Billing, billing } from "../src/core/billing/billing.ts";
import type { Received } from "../src/core/billing/command.ts";
import type { StreamName } from "../src/core/billing/stream.ts";
import { DEFAULT_POLICY } from "../src/core/policy.ts";
import type { Append, Commit, Loaded, Storage } from "../src/core/ports/storage.ts";
import type { Store } from "../src/core/ports/store.ts";
import { ok } from "../src/core/result.ts";
import type { Instant } from "../src/core/time.ts";
import { GATEWAY, openCinema, sha256 } from "../test/support/cinema.ts";
import { runAlone } from "./support/alone.ts";
import { type Goal, ratio } from "./support/goal.ts";
import { live } from "./support/life.ts";
import { interleaved, type Side } from "./support/rounds.ts";
import { scaled } from "./support/scale.ts";
import { streamsInHand } from "./support/streams-in-hand.ts";

/** Enough different accounts that nothing of one decision lies ready for the next. */
const LIVES = 200;
const REPEATS = scaled(12, 1);

/** One decision to make again: what was asked and when, what had been loaded, and what it came to. */
type Decision = {
  readonly received: Received;
  readonly at: Instant;
  readonly loaded: Loaded;
  readonly commit: Commit;
};

export const core: Goal = {
  id: "core",
  what: "load in hand -> fold, decide, follow up, project: events of a subscriber's life",
  dividedBy: "a decider without rules over the same streams: folds by spreading, copies out the same events and rows",
  measure: async (say) => {
    const decisions = await recordLives();
    const events = eventsOf(decisions);
    say(`${decisions.length} decisions of ${LIVES} lives, ${events} events`);
    const rounds = await interleaved([side("core", ourBilling, decisions), side("no rules", noRules, decisions)], say);
    return { figures: [ratio(rounds, { least: 0.15 })] };
  },
};

const recordLives = async (): Promise<readonly Decision[]> => {
  const decisions: Decision[] = [];
  const storage = streamsInHand();
  let last: { loaded: Loaded; commit: Commit | null } = { loaded: new Map(), commit: null };
  const watched: Storage = {
    ...storage,
    load: async (refs) => {
      const answer = await storage.load(refs);
      if (answer.ok) last = { loaded: answer.value, commit: null };
      return answer;
    },
    commit: (commits) => {
      last = { ...last, commit: commits[0] ?? null };
      return storage.commit(commits);
    },
  };
  // A life needs nothing of a store but its streams.
  const cinema = openCinema({ storage: watched } as Store);
  await cinema.sell();
  for (let i = 0; i < LIVES; i += 1) {
    await live(cinema, `life ${i}`, async (received) => {
      const executed = await cinema.updater.execute(received);
      const { loaded, commit } = last;
      if (commit !== null) decisions.push({ received, at: cinema.at(), loaded, commit });
      return executed;
    });
  }
  return decisions;
};

/** The storage that both sides ask: hands over what belongs to the decision at hand, and counts what comes back. */
const openHand = () => {
  let decision: Decision | null = null;
  let events = 0;
  const storage: Storage = {
    load: async () => ok(decision?.loaded ?? new Map()),
    commit: async (commits) => {
      for (const { appends } of commits) for (const append of appends) events += append.events.length;
      return commits.map(() => ok({ streams: [] }));
    },
    outcome: async () => ok(null),
  };
  return {
    storage,
    take: (next: Decision) => {
      decision = next;
    },
    at: () => decision?.at ?? (0 as Instant),
    decision: () => decision,
    events: () => events,
  };
};
type Hand = ReturnType<typeof openHand>;

const ourBilling = ({ storage, at }: Hand): Billing["execute"] =>
  billing({
    storage,
    clock: { now: async () => at() },
    digest: sha256,
    policy: DEFAULT_POLICY,
    gatewayAccount: GATEWAY,
  }).execute;

/**
 * The limit: what any decision over streams has to do, whatever its rules. It reads each loaded event into a state, and
 * makes each event and row that goes out, as objects of the same shapes; it knows the answer and checks nothing.
 * A fold that does nothing at all would be no limit but the speed of an empty loop.
 */
const noRules = ({ storage, decision }: Hand): Billing["execute"] => {
  const fold = (events: readonly object[]): object => {
    let state: object = {};
    for (const event of events) state = { ...state, ...event };
    return state;
  };
  const copied = (append: Append): Append => ({
    ...append,
    events: append.events.map((event) => ({ ...event })),
    changes: {
      removed: append.changes.removed.map((one) => ({ ...one, row: { ...one.row } }) as typeof one),
      written: append.changes.written.map((one) => ({ ...one, row: { ...one.row } }) as typeof one),
    },
  });
  return async () => {
    const loaded = await storage.load([]);
    const states = new Map<StreamName, object>();
    if (loaded.ok) for (const [stream, { events }] of loaded.value) states.set(stream, fold(events));
    const commit = decision()?.commit;
    if (commit === undefined || states.size > 9) throw new Error("a decision is at hand, over few streams");
    await storage.commit([{ ...commit, appends: commit.appends.map(copied) }]);
    return { status: "done", outcome: commit.outcome, repeated: false };
  };
};

const side = (name: string, open: (hand: Hand) => Billing["execute"], decisions: readonly Decision[]): Side => ({
  name,
  run: async () => {
    const hand = openHand();
    const execute = open(hand);
    const startedAt = performance.now();
    for (let repeat = 0; repeat < REPEATS; repeat += 1) {
      for (const decision of decisions) {
        hand.take(decision);
        const executed = await execute(decision.received);
        if (executed.status !== "done" || !executed.outcome.ok)
          throw new Error("what was decided once is decided again");
      }
    }
    const seconds = (performance.now() - startedAt) / 1000;
    if (hand.events() !== eventsOf(decisions) * REPEATS) throw new Error("void: not the same events came out");
    return { perSecond: hand.events() / seconds, p50Ms: null, p99Ms: null };
  },
});

const eventsOf = (decisions: readonly Decision[]): number =>
  decisions.reduce((all, { commit }) => all + commit.appends.reduce((sum, { events }) => sum + events.length, 0), 0);

if (import.meta.main) await runAlone(core);
