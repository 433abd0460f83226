import { openMemory } from "../../src/adapters/memory/store.ts";
import { intakeBodies } from "../../src/adapters/wire/intake-bodies.ts";
import { billing } from "../../src/core/billing/billing.ts";
import type { RowOf } from "../../src/core/billing/read-model.ts";
import type { AccountId, InvoiceId } from "../../src/core/ids.ts";
import { DEFAULT_POLICY } from "../../src/core/policy.ts";
import type { Report } from "../../src/core/ports/reports.ts";
import type { Commit } from "../../src/core/ports/storage.ts";
import type { Store } from "../../src/core/ports/store.ts";
import { formatInstant, HOUR_MS, type Instant, instantOf, MINUTE_MS, plusMs, SECOND_MS } from "../../src/core/time.ts";
import { accessView } from "../../src/core/work/access-view.ts";
import { callbackDoor } from "../../src/core/work/callback-door.ts";
import { hints } from "../../src/core/work/hints.ts";
import { relaying } from "../../src/core/work/relay.ts";
import { type Request, type Requested, requests } from "../../src/core/work/requests.ts";
import { sweep } from "../../src/core/work/sweep.ts";
import { updater } from "../../src/core/work/updater.ts";
import { WORK_KINDS, workOn } from "../../src/core/work/work.ts";
import { Broken } from "../core/billing/books.ts";
import { openLedger, told } from "../core/billing/ledger.ts";
import { answered, BASIC, GATEWAY, MONTHLY, openCinema, PREMIUM, rub, sha256 } from "../support/cinema.ts";
import { openGateway as openBooks } from "../support/gateway.ts";
import { openBus } from "./bus.ts";
import { openClaims } from "./claims.ts";
import { type Door, openGateway } from "./gateway.ts";
import { type Asked, openViewer, type Viewer } from "./people.ts";
import { type Machine, openProcess, type Process, storeOf } from "./process.ts";
import type { Swarm } from "./swarm.ts";
import { openTasks } from "./tasks.ts";

/** A house in which everything runs, several times over, and everything may die. */
export type World = Machine & {
  readonly swarm: Swarm;
  /** The database itself: reached without a step, and never away. */
  readonly store: Store;
  readonly gateway: ReturnType<typeof openGateway>;
  readonly ledger: ReturnType<typeof openLedger>;
  readonly bus: ReturnType<typeof openBus>;
  readonly claims: ReturnType<typeof openClaims>;
  readonly tasks: ReturnType<typeof openTasks>;
  readonly viewers: readonly Viewer[];
  readonly reports: readonly Report[];
  /** Null: no answer came. */
  ask(asked: Asked): Promise<Requested | null>;
  /** The payer's word that an invoice was paid. */
  hint(invoiceId: InvoiceId): Promise<void>;
  /** Asks so many times whether an account may watch, as players do every few seconds. */
  watch(accountId: AccountId, times: number): Promise<void>;
  pause(ms: number): Promise<void>;
  newName(): string;
  /** A line in the trace. */
  note(line: string): void;
  count(what: string): void;
  /** How many were written so far. */
  commits(): number;
  /** Looks after each step: whether there is work for those who sleep, and whether the rules hold. */
  look(): Promise<void>;
};

/** What was accepted is taken within this although nobody rang; the others look every second. */
const [INTAKE_SWEEP_MS, SWEEP_MS] = [1500, 1000];
const PATIENCE_MS = 5000;
const BEAT_EACH_MS = 5 * SECOND_MS;
const STARTS_MS = 10_000;
const [DOWN_MS, NOTICED_EACH_MS] = [20 * HOUR_MS, 10 * MINUTE_MS];

export const openWorld = async (
  machine: Machine,
  swarm: Swarm,
  hooks: { note(line: string): void; count(what: string): void },
): Promise<World> => {
  const { scheduler, dice, faults, fail } = machine;
  const { note, count } = hooks;
  const raw = openMemory();
  const gateway = openGateway(machine, swarm.checks);
  // The claims ask a gateway for its books and for nothing else.
  const ledger = openLedger({ ...openBooks(), books: gateway.books as never });
  const claims = openClaims(raw, gateway, ledger, machine);
  const guarded = (check: () => void): void => {
    try {
      check();
    } catch (error) {
      fail(error);
    }
  };
  const store: Store = { ...raw, storage: told(raw.storage, (commit) => guarded(() => hear(commit))) };
  let commits = 0;
  const hear = (commit: Commit): void => {
    commits += 1;
    ledger.hear(commit);
    for (const { stream, events, changes } of commit.appends) {
      for (const event of events) {
        note(`  ${stream} ${event.type}`);
        claims.onEvent(stream, event);
      }
      for (const { table, row } of changes.written) if (table === "due" && isWork(row.kind)) scheduler.mark(row.dueAt);
    }
    claims.onCommit(commit);
  };
  const intake: Store["intake"] = {
    ...raw.intake,
    wait: async (id, until) => {
      scheduler.mark(until);
      return raw.intake.wait(id, until);
    },
  };
  const shared: Store = { ...store, intake };

  const reports: Report[] = [];
  const report = (one: Report): void => {
    reports.push(one);
    count(`reports ${one.what}`);
    guarded(() => claims.onReport(one));
  };
  const bus = openBus(machine);
  const tasks = openTasks(machine, ({ kind }, { status }) => count(`work ${kind} ${status}`));
  let names = 0;
  const newName = (): string => {
    names += 1;
    return `name ${names}`;
  };
  /** What there is to do for those who only look now and then. */
  const work = { intake: false, outbox: false, due: false, beat: false };
  /** While nobody asks what a beat is good for, time need not stop for one. */
  let watching = 0;

  const partsOf = (process: Process) => {
    const own = storeOf(process, shared, machine);
    const clock = { now: () => process.call("clock", async () => process.now()) };
    const common = { digest: sha256, bodies: intakeBodies, now: process.now };
    const state = billing({
      storage: own.storage,
      clock,
      digest: sha256,
      policy: DEFAULT_POLICY,
      gatewayAccount: GATEWAY,
    });
    return { own, clock, common, state, bus: bus.of(process) };
  };
  /** Does a step again and again: soon when there is more, else when there is work or somebody wakes it. */
  const loop = (
    process: Process,
    what: string,
    idleMs: number,
    isWanted: () => boolean,
    step: () => Promise<boolean>,
  ) => {
    let rest = process.idle(what, 0, () => true);
    const run = async (): Promise<void> => {
      for (;;) {
        const isMore = await step();
        rest = process.idle(what, isMore ? 0 : idleMs, isWanted);
        await rest.over;
      }
    };
    void rest.over.then(run).catch(fail);
    return { wake: () => rest.wake() };
  };

  type Api = Door & {
    ask(request: Request): Promise<Requested | null>;
    hint(invoiceId: InvoiceId): Promise<unknown>;
    mayWatch(accountId: AccountId): Promise<Watched | null>;
  };
  type Watched = { readonly at: Instant; readonly access: RowOf<"access"> | null; readonly isRead: boolean };
  const apis = new Set<Api>();
  const someApi = (): Api | null => dice.pick([...apis].filter(({ process }) => process.isAlive()));
  const PROCESSES = {
    api: (process: Process) => {
      const { own, clock, common, bus: carrier } = partsOf(process);
      const asking = requests({ ...common, ...own, bus: carrier, newKey: newName, patienceMs: PATIENCE_MS });
      const hinting = hints({ tasks: tasks.of(process) });
      const door = callbackDoor({
        ...common,
        ...own,
        clock,
        bus: carrier,
        gateway: "sandbox",
        gatewayAccount: GATEWAY,
      });
      let reads = 0;
      const accessRows: Store["queries"]["accessRows"] = (account) => {
        reads += 1;
        return own.queries.accessRows(account);
      };
      const view = accessView({ queries: { accessRows }, wall: process.now });
      const gap = (): void => {
        count("hears of a gap");
        view.gap();
      };
      bus.listeners.add({ process, heard: (fact) => void view.heard(fact), signs: { ...view, gap } });
      const api = {
        process,
        ask: (request: Request) => process.run(() => asking.ask(request)),
        hint: (invoiceId: InvoiceId) =>
          process.run(async () => {
            const rows = await own.queries.invoice(invoiceId);
            if (rows.ok && rows.value !== null) await hinting.paid(rows.value.attempts);
          }),
        mayWatch: (accountId: AccountId) =>
          process.run(async () => {
            const [at, before] = [process.now(), reads];
            const asking = view.access(accountId, at);
            const isRead = reads > before;
            const access = await asking;
            return access.ok ? { at, access: access.value, isRead } : null;
          }),
        take: (read: Parameters<Door["take"]>[0], raw: string) =>
          process.run(async () => {
            const [from, before] = [scheduler.now(), claims.troubles()];
            const verdict = await door.take(read, { raw, requestId: newName() });
            note(`  ${read.eventKey}: ${verdict}`);
            count(`${read.told.kind} ${verdict}`);
            await claims.onVerdict(read, verdict, from, claims.troubles() - before).catch(fail);
            return verdict;
          }),
        keepUnreadable: (kind: string, field: string, raw: string) =>
          process.run(() => door.keepUnreadable(kind, field, { raw, requestId: newName() })),
      };
      apis.add(api);
      gateway.doors.add(api);
    },
    updater: (process: Process) => {
      const { own, common, state, bus: carrier } = partsOf(process);
      const onCommitted = () => undefined;
      const updating = updater({
        ...common,
        billing: state,
        intake: own.intake,
        bus: carrier,
        reports: report,
        onCommitted,
        onServed: onCommitted,
        log: () => undefined,
      });
      const rung = new Set<Parameters<typeof carrier.ring>[0]>();
      const answering = loop(
        process,
        "answers rings",
        60_000,
        () => rung.size > 0,
        async () => {
          const ids = [...rung];
          rung.clear();
          if (ids.length > 0) await updating.take(ids);
          return rung.size > 0;
        },
      );
      bus.answerers.add({
        process,
        rung: (id) => {
          rung.add(id);
          answering.wake();
        },
      });
      loop(process, "sweeps the intake", INTAKE_SWEEP_MS, () => work.intake, updating.sweep);
    },
    relay: (process: Process) => {
      const { own, bus: carrier } = partsOf(process);
      const { step } = relaying({ outbox: own.outbox, bus: carrier, reports: report, now: process.now });
      loop(process, "relays", SWEEP_MS, () => work.outbox || work.beat, step);
    },
    sweeper: (process: Process) => {
      const { own } = partsOf(process);
      const sweeping = loop(
        process,
        "sweeps what is due",
        SWEEP_MS,
        () => work.due,
        async () => {
          await sweep({ queries: own.queries, tasks: tasks.of(process) }, WORK_KINDS, process.now());
          return false;
        },
      );
      bus.listeners.add({ process, heard: sweeping.wake });
    },
    worker: (process: Process) => {
      const { own, common, state } = partsOf(process);
      const payments = gateway.of(process);
      const doing = workOn({
        ...common,
        billing: state,
        queries: own.queries,
        paymentsOf: (account) => (account === GATEWAY ? payments : null),
        reports: report,
        newRun: newName,
        pause: (ms) => process.turn("pauses", ms),
      });
      tasks.workers.add({ process, work: doing });
    },
  } as const satisfies Readonly<Record<string, (process: Process) => void>>;

  const init = { name: "init", isAlive: () => true };
  const keepUp = (kind: keyof typeof PROCESSES, name: string): void => {
    const bury = (): void => {
      for (const all of [apis, gateway.doors, bus.answerers, bus.listeners, tasks.workers] as const)
        for (const one of all) if (!one.process.isAlive()) (all as Set<unknown>).delete(one);
      startAgain(kind, name).catch(fail);
    };
    PROCESSES[kind](openProcess(name, machine, bury));
  };

  const startAgain = async (kind: keyof typeof PROCESSES, name: string): Promise<void> => {
    let downMs = faults.happens("stays_down") ? dice.about(MINUTE_MS, DOWN_MS) : 0;
    for (; downMs > 0 && !faults.isHealed(); downMs -= NOTICED_EACH_MS)
      await scheduler.turn(init, `${name} is down`, Math.min(downMs, NOTICED_EACH_MS));
    await scheduler.turn(init, `starts ${name}`, dice.about(100, STARTS_MS));
    keepUp(kind, name);
  };

  await sellPlans(store);
  const kinds = Object.keys(PROCESSES) as (keyof typeof PROCESSES)[];
  for (const kind of kinds) for (let nth = 1; nth <= swarm.crowd; nth += 1) keepUp(kind, `${kind} ${nth}`);
  const viewers = Array.from({ length: swarm.viewers }, (_, nth) => openViewer(nth));

  const people = { name: "people", isAlive: () => true };
  const mayWatch = async (accountId: AccountId): Promise<void> => {
    await scheduler.turn(people, "asks whether it may watch");
    const askedAt = scheduler.now();
    const watched = (await someApi()?.mayWatch(accountId)) ?? null;
    if (watched === null) return;
    const { isRead, ...told } = watched;
    const answer = `may watch: ${told.access !== null}, ${isRead ? "read" : "remembered"}`;
    note(`  ${answer}`);
    guarded(() => {
      const isOld = claims.onWatching({ accountId, askedAt, ...told });
      count(isOld && !isRead ? "may watch: remembered, as it was a moment ago" : answer);
    });
  };

  let lookedAt = { commits: 0, at: 0 };
  return {
    ...machine,
    swarm,
    store,
    gateway,
    ledger,
    bus,
    claims,
    tasks,
    viewers,
    reports,
    newName,
    note,
    count,
    pause: (ms) => scheduler.turn(people, "pause", ms),
    ask: async (asked) => {
      const { type } = asked.command;
      await scheduler.turn(people, `asks ${type}`);
      claims.onAsk(asked);
      const requested = (await someApi()?.ask({ ...asked, requestId: newName() })) ?? null;
      const refusal = requested?.status === "done" && !requested.outcome.ok ? requested.outcome.refusal.code : null;
      const came = refusal ?? requested?.status ?? "no answer";
      note(`  ${type}: ${came}`);
      count(`asks ${type}: ${came}`);
      if (requested !== null) await claims.onAnswer(asked, requested).catch(fail);
      return requested;
    },
    commits: () => commits,
    watch: async (accountId, times) => {
      watching += 1;
      for (let left = times; left > 0; left -= 1) {
        await mayWatch(accountId);
        await scheduler.turn(people, "watches", dice.about(200, 30_000));
      }
      watching -= 1;
    },
    hint: async (invoiceId) => {
      await scheduler.turn(people, "hints");
      await someApi()?.hint(invoiceId);
    },
    look: async () => {
      const at = scheduler.now();
      work.intake = answered(await raw.intake.due(at, 1)).length > 0;
      work.outbox = answered(await raw.outbox.unrelayed(1)).length > 0;
      const nextBeatAt = plusMs(bus.beatAt() ?? instantOf(0), BEAT_EACH_MS);
      work.beat = watching > 0 && nextBeatAt <= at;
      if (watching > 0) scheduler.mark(nextBeatAt);
      work.due = answered(await raw.queries.due(at, WORK_KINDS, null, 500)).some(tasks.takes);
      if (lookedAt.commits === commits && lookedAt.at === at) return;
      lookedAt = { commits, at };
      for (const { accountId } of viewers) {
        const may = answered(await raw.queries.access(accountId, at)) !== null;
        const should = ledger.mayWatch(accountId, at);
        if (may !== should) fail(new Broken(`I4: may watch is ${may}, not ${should}, at ${formatInstant(at)}`));
      }
    },
  };
};

const isWork = (kind: string): boolean => (WORK_KINDS as readonly string[]).includes(kind);

const sellPlans = async (store: Store): Promise<void> => {
  const cinema = openCinema(store);
  await cinema.sell(PREMIUM);
  await cinema.sell(BASIC, { ...MONTHLY, price: rub(19_900) });
};
