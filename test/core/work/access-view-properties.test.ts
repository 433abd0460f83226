import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { bestAccess } from "../../../src/core/billing/access-rows.ts";
import type { RowOf } from "../../../src/core/billing/read-model.ts";
import type { AccountId } from "../../../src/core/ids.ts";
import { ok } from "../../../src/core/result.ts";
import { type Instant, plusMs, SECOND_MS } from "../../../src/core/time.ts";
import { accessView } from "../../../src/core/work/access-view.ts";
import { answered, START } from "../../support/cinema.ts";
import { hour, newAccount, row } from "../../support/commits.ts";
import { LONG, SEED, seedOf, TIMEOUT_MS } from "../chance.ts";

setDefaultTimeout(TIMEOUT_MS);
const RUNS = LONG ? 20_000 : 1000;
const STEPS = 120;
const OLDEST_MS = 15 * SECOND_MS;
const ACCOUNTS = [newAccount(), newAccount(), newAccount()] as const;
const HOURS = 6;

type Access = RowOf<"access">;
/** What an account might watch from an instant on, until the next commit about it. */
type Commit = { readonly committedAt: Instant; readonly rows: readonly Access[] };
type Fact = { readonly account: AccountId; readonly nth: number };
/** What the bus brings, in its order. */
type Message = { readonly facts: readonly Fact[] } | { readonly beat: Instant };
type Question = {
  readonly account: AccountId;
  readonly at: Instant;
  /** The oldest commit that the answer may show. */
  readonly least: number;
};

const seen = new Map<string, number>();
const count = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1);

/** A database, a bus that brings late, twice or not at all, and a view that hears of one through the other. */
const openWorld = () => {
  let wall: Instant = START;
  const commits = new Map(
    ACCOUNTS.map((account): [AccountId, Commit[]] => [account, [{ committedAt: START, rows: [] }]]),
  );
  const heard = new Map<AccountId, number>();
  const unpublished: Fact[] = [];
  const bus: Message[] = [];
  const brought: Fact[] = [];
  let hasLost = false;
  const asked: Promise<void>[] = [];
  const reads: { look(): void; answer(): void }[] = [];
  const historyOf = (account: AccountId): readonly Commit[] => commits.get(account) ?? [];
  const newest = (account: AccountId): number => historyOf(account).length - 1;

  const view = accessView({
    queries: {
      accessRows: (account) =>
        new Promise((resolve) => {
          let found: readonly Access[] | null = null;
          const look = (): void => {
            found ??= historyOf(account)[newest(account)]?.rows ?? [];
          };
          reads.push({
            look,
            answer: () => {
              look();
              resolve(ok(found ?? []));
            },
          });
        }),
    },
    wall: () => wall,
    most: 2,
  });
  const check = async ({ account, at, least }: Question): Promise<void> => {
    const before = reads.length;
    const asking = view.access(account, at);
    const isRead = reads.length > before;
    const answer = answered(await asking);
    const may = historyOf(account).slice(least);
    expect(may.map(({ rows }) => bestAccess(rows, at))).toContainEqual(answer);
    const isNew = Bun.deepEquals(answer, bestAccess(may.at(-1)?.rows ?? [], at));
    count(`${isRead ? "read" : "remembered"}, ${isNew ? "as it is" : "as it was a moment ago"}`);
  };
  const ask = (question: Question): void => {
    const one = check(question);
    asked.push(one);
    // Looked after in the end: until then nobody waits for it.
    one.catch(() => undefined);
  };
  const bring = async (message: Message): Promise<void> => {
    if ("beat" in message) {
      if (hasLost) view.gap();
      hasLost = false;
      return view.beat(message.beat);
    }
    for (const { account, nth } of message.facts) {
      brought.push({ account, nth });
      await view.heard({ accountId: account });
      heard.set(account, Math.max(heard.get(account) ?? 0, nth));
    }
  };

  return {
    view,
    commit: (account: AccountId, spans: readonly (readonly [from: number, hours: number, tier: number])[]): void => {
      const rows = spans.map(([from, hours, tier]) => {
        const span = { fromAt: hour(from), untilAt: hour(from + hours) };
        // No two commits show the same: what is old can be told from what is new.
        return row("access", { accountId: account, tier, quality: `of ${newest(account) + 1}`, ...span }).row;
      });
      commits
        .get(account)
        ?.push({ committedAt: wall, rows: rows.sort((a, b) => b.tier - a.tier || b.untilAt - a.untilAt) });
      unpublished.push({ account, nth: newest(account) });
    },
    relay: (): void => {
      bus.push({ facts: unpublished.splice(0) }, { beat: wall });
    },
    bring: async (): Promise<void> => {
      const message = bus.shift();
      if (message !== undefined) await bring(message);
    },
    bringAgain: async (which: number): Promise<void> => {
      const fact = brought[which % brought.length];
      if (fact !== undefined) await view.heard({ accountId: fact.account });
    },
    /** What carries the bus loses a message: whoever listens is told of the gap, before the next beat or at once. */
    lose: (isNoticed: boolean): void => {
      if (bus.shift() === undefined) return;
      hasLost = !isNoticed;
      if (isNoticed) view.gap();
    },
    passes: (ms: number): void => {
      wall = plusMs(wall, ms);
    },
    ask: (account: AccountId, at: Instant): void => {
      const isOld = ({ committedAt }: Commit): boolean => committedAt < plusMs(wall, -OLDEST_MS);
      const old = historyOf(account).findLastIndex(isOld);
      return ask({ account, at, least: Math.max(old, heard.get(account) ?? 0, 0) });
    },
    askForTheNewest: (account: AccountId, at: Instant): void => ask({ account, at, least: newest(account) }),
    look: (which: number): void => reads[which % reads.length]?.look(),
    answer: (which: number): void => reads.splice(which % Math.max(1, reads.length), 1)[0]?.answer(),
    answerAll: (): void => {
      for (const { answer } of reads.splice(0)) answer();
    },
    bringAll: async (): Promise<void> => {
      for (const message of bus.splice(0)) await bring(message);
    },
    allAsked: () => Promise.all(asked),
  };
};
type World = ReturnType<typeof openWorld>;

type Step = (world: World) => unknown;
const account = fc.constantFrom(...ACCOUNTS);
const at = fc.nat({ max: HOURS }).map(hour);
const any = fc.nat({ max: 20 });
const span = fc.tuple(fc.nat({ max: HOURS }), fc.integer({ min: 1, max: HOURS }), fc.nat({ max: 2 }));
const often = (weight: number, arbitrary: fc.Arbitrary<Step>) => ({ weight, arbitrary });
const STEP = fc.oneof(
  often(
    12,
    fc.tuple(account, at).map(
      ([who, when]) =>
        (world) =>
          world.ask(who, when),
    ),
  ),
  often(
    3,
    fc.tuple(account, fc.array(span, { maxLength: 2 })).map(
      ([who, what]) =>
        (world) =>
          world.commit(who, what),
    ),
  ),
  often(
    3,
    fc.constant((world) => world.relay()),
  ),
  often(
    5,
    fc.constant((world) => world.bring()),
  ),
  often(
    1,
    any.map((which) => (world) => world.bringAgain(which)),
  ),
  often(
    1,
    fc.boolean().map((isNoticed) => (world) => world.lose(isNoticed)),
  ),
  often(
    3,
    fc.nat({ max: 6000 }).map((ms) => (world) => world.passes(ms)),
  ),
  often(
    4,
    any.map((which) => (world) => world.look(which)),
  ),
  often(
    6,
    any.map((which) => (world) => world.answer(which)),
  ),
);
/** Until all that can go on has gone on. */
const quiet = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

const CLAIM =
  "the view never answers what a fact it had heard, or 15 s, have made old, and when all is quiet it is right";
test(CLAIM, async () => {
  const stories = fc.array(STEP, { minLength: STEPS / 2, maxLength: STEPS, size: "max" });
  const claim = fc.asyncProperty(stories, async (story) => {
    const world = openWorld();
    world.view.beat(START);
    for (const step of story) {
      await step(world);
      await quiet();
    }
    world.relay();
    await world.bringAll();
    for (const _ of ["read", "remembered"]) {
      for (const who of ACCOUNTS) for (let n = -1; n <= 2 * HOURS + 1; n += 1) world.askForTheNewest(who, hour(n));
      world.answerAll();
      await quiet();
    }
    await world.allAsked();
  });
  await fc.assert(claim, { seed: seedOf(CLAIM), numRuns: RUNS });
  expect([...seen.keys()].sort()).toEqual([
    "read, as it is",
    "read, as it was a moment ago",
    "remembered, as it is",
    "remembered, as it was a moment ago",
  ]);
});

afterAll(() => {
  const met = [...seen].map(([what, times]) => `${what} ${times}`).join("; ");
  console.log(`access view: ${RUNS} stories of up to ${STEPS} steps, seed ${SEED}; ${met}`);
});
