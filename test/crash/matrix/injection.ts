import type { RefundRequest } from "../../../src/core/ports/payments.ts";
import type { Commit, StorageFault } from "../../../src/core/ports/storage.ts";
import { err } from "../../../src/core/result.ts";
import type { Class, Classed } from "./effect-points.ts";

export const MODES = [
  "crash before",
  "crash after",
  "error before",
  "answer lost",
  "delayed past the deadline",
  "run twice",
] as const;
export type Mode = (typeof MODES)[number];

/** One thing that goes wrong, the first time that the point is reached with this label. */
export type Blow = { readonly point: string; readonly label: string | null; readonly mode: Mode };

/** What is done at a point, and how its caller learns that it was not, or that nobody knows. */
type Deed<T> = { readonly run: () => Promise<T>; readonly refused: () => T; readonly lost: () => T };
export type Guard = <T>(point: string, label: string | null, deed: Deed<T>) => Promise<T>;

/** How long after its caller has given up a delayed effect comes about. */
const LATE_MS = 120;

/**
 * Strikes once. A crash is for good: from that instant nothing that this instance has asked for is answered, and nothing that
 * it asks is done.
 */
export const openInjector = (blow: Blow | null, crash: () => void) => {
  const hits = new Map<string, number>();
  const late = new Set<Promise<unknown>>();
  let isDead = false;
  let hasStruck = false;

  const never = <T>(): Promise<T> => new Promise(() => undefined);
  const die = <T>(): Promise<T> => {
    isDead = true;
    crash();
    return never();
  };
  /** What a dead instance had asked for may still come about; nobody hears of it. */
  const alive = async <T>(run: () => Promise<T>): Promise<T> => {
    try {
      const value = await run();
      return isDead ? await never<T>() : value;
    } catch (error) {
      if (isDead) return never();
      throw error;
    }
  };
  const strikes = (point: string, label: string | null): boolean =>
    blow !== null && !hasStruck && blow.point === point && (blow.label === null || blow.label === label);

  const guard: Guard = async (point, label, { run, refused, lost }) => {
    if (isDead) return never();
    const name = nameOf(point, label);
    hits.set(name, (hits.get(name) ?? 0) + 1);
    if (blow === null || !strikes(point, label)) return alive(run);
    hasStruck = true;
    switch (blow.mode) {
      case "crash before":
        return die();
      case "crash after":
        await run();
        return die();
      case "error before":
        return refused();
      case "answer lost":
        await run();
        return lost();
      case "delayed past the deadline": {
        const running = Bun.sleep(LATE_MS).then(run);
        late.add(running);
        // What comes too late has nobody left to complain to.
        void running.catch(() => undefined).finally(() => late.delete(running));
        return lost();
      }
      case "run twice":
        await alive(run);
        return alive(run);
    }
  };
  return {
    guard,
    hits,
    hasStruck: () => hasStruck,
    /** Something that was asked for long ago is still to come about. */
    isLate: () => late.size > 0,
  };
};
export type Injector = ReturnType<typeof openInjector>;

export const nameOf = (point: string, label: string | null): string => (label === null ? point : `${point} ${label}`);

/** The port with every member behind the guard that its class asks for. */
export const behind = <Port extends object>(port: Port, classes: Classed<Port>, guard: Guard): Port => {
  const members: readonly (readonly [string, Class])[] = Object.entries(classes);
  const guarded = members.map(([name, one]) => {
    const member: unknown = port[name as keyof Port];
    if (one.is === "inside" || typeof member !== "function") return [name, member];
    const call = (...given: readonly unknown[]) => member.call(port, ...given) as Promise<unknown>;
    if (one.is === "handler")
      return [name, (...given: readonly unknown[]) => call(...heardBehind(one.point, given, guard))];
    return [
      name,
      (...given: readonly unknown[]) => {
        const faults = faultsOf(one.point, given);
        return guard(one.point, labelOf(one.point, given), { run: () => call(...given), ...faults });
      },
    ];
  });
  return Object.fromEntries(guarded) as Port;
};

type Handler = (...given: readonly unknown[]) => Promise<unknown>;

/** The function is what a port was given last; only signs may stand behind it. */
const heardBehind = (point: string, given: readonly unknown[], guard: Guard): readonly unknown[] => {
  const place = given.findLastIndex((one) => typeof one === "function");
  const handler = given[place] as Handler;
  const guarded: Handler = (...heard) =>
    guard(point, labelOf(point, heard), {
      run: () => handler(...heard),
      refused: () => thrown(`${point} was struck before it ran`),
      lost: () => thrown(`${point} was struck after it ran`),
    });
  return given.with(place, guarded);
};
const thrown = (what: string): never => {
  throw new Error(what);
};

const UNAVAILABLE = err<StorageFault>({ code: "storage_unavailable", detail: "struck" });

/** How each port says that it has not done it, and that nobody knows. */
const faultsOf = (point: string, given: readonly unknown[]): { refused: () => unknown; lost: () => unknown } => {
  const [port] = point.split(".");
  if (point === "storage.commit") {
    const commits = given[0] as readonly Commit[];
    return {
      refused: () => commits.map(() => UNAVAILABLE),
      lost: () => commits.map(({ command }) => err<StorageFault>({ code: "commit_unknown", commandId: command.id })),
    };
  }
  const refused = (): unknown => {
    switch (port) {
      case "bus":
        return err({ code: "bus_unavailable", detail: "struck" });
      case "tasks":
        return err({ code: "tasks_unavailable", detail: "struck" });
      case "payments":
        return err({ code: "gateway_unavailable", retryAfterMs: 20 });
      default:
        return UNAVAILABLE;
    }
  };
  const lost = port === "payments" ? () => err({ code: "answer_lost" }) : refused;
  return { refused, lost };
};

/** What is told apart at one point: which command, which fact, which work. */
const labelOf = (point: string, given: readonly unknown[]): string | null => {
  switch (point) {
    case "storage.commit":
      return factIn(given[0] as readonly Commit[]);
    case "intake.accept":
    case "intake.acceptCheck":
      return commandIn((given[0] as { readonly body: string }).body);
    case "payments.refund":
      return `of ${(given[0] as RefundRequest).amount.minor}`;
    case "tasks.add":
      return (given[0] as readonly { readonly kind: string }[])[0]?.kind ?? null;
    case "tasks.run":
      return (given[0] as { readonly kind: string }).kind;
    default:
      return null;
  }
};
const commandIn = (body: string): string =>
  (JSON.parse(body) as { readonly command?: { readonly type: string } }).command?.type ?? "foreign";

/** A command that was told twice is recorded, and brings nothing about. */
const factIn = (commits: readonly Commit[]): string => {
  const event = commits[0]?.appends[0]?.events[0];
  if (event === undefined) return "no fact";
  return event.type === "PaymentSucceeded" ? `${event.type} ${event.role}` : event.type;
};
