import { describe, expect, test } from "bun:test";
import {
  decide,
  evolve,
  initial,
  type Setup,
  type SetupCommand,
  type SetupEvent,
  type SetupRefusal,
} from "../../../src/core/customer/setup.ts";
import type { AccountId, SetupId, TransactionId } from "../../../src/core/ids.ts";
import { Bug } from "../../../src/core/result.ts";
import { HOUR_MS, plusMs } from "../../../src/core/time.ts";
import { card, GATEWAY, MON, minute, PAYER, rub, usd } from "../../support/customer.ts";

// A card set-up, design part 5, Trials: a small sum is authorised, then voided, looked up until it is voided; the card
// counts only after success. It is no invoice.
type Of<Type extends SetupCommand["type"]> = Extract<SetupCommand, { readonly type: Type }>;
const SETUP = `set_${"0".repeat(26)}` as SetupId;
const STRANGER = `acc_${"0".repeat(25)}9` as AccountId;
const [TX, OTHER_TX] = ["701", "702"] as TransactionId[] as [TransactionId, TransactionId];
const OVER = plusMs(MON, HOUR_MS);

const offer = (at = MON): Of<"OfferSetup"> => ({
  type: "OfferSetup",
  setupId: SETUP,
  accountId: PAYER,
  gatewayAccount: GATEWAY,
  cardId: card(1),
  amount: rub(1),
  at,
});
const hold = (over: Partial<Of<"RecordHold">> = {}): Of<"RecordHold"> => ({
  type: "RecordHold",
  transactionId: TX,
  amount: rub(1),
  accountId: PAYER,
  captured: false,
  at: minute(5),
  ...over,
});
const decline = { type: "RecordSetupDecline", at: minute(6) } as const;
const askVoid = { type: "AskVoid", at: minute(6) } as const;
const recordVoid = { type: "RecordVoid", at: minute(7) } as const;
const loseAnswer = { type: "RecordLostVoidAnswer", at: minute(7) } as const;
const stillHeld = { type: "RecordStillHeld", at: minute(8) } as const;
const expireAt = (at: typeof MON): Of<"ExpireSetup"> => ({ type: "ExpireSetup", at });

const COLUMNS = {
  absent: [],
  offered: [offer()],
  due: [offer(), hold()],
  in_flight: [offer(), hold(), askVoid],
  unknown: [offer(), hold(), askVoid, loseAnswer],
  done: [offer(), hold(), askVoid, recordVoid],
  mismatched: [offer(), hold({ amount: rub(2) })],
  declined: [offer(), decline],
  expired: [offer(), expireAt(OVER)],
} satisfies Readonly<Record<string, readonly SetupCommand[]>>;
type Column = keyof typeof COLUMNS;
const NAMES = Object.keys(COLUMNS) as Column[];

type Outcome = "nothing new" | `refused: ${SetupRefusal["code"]}` | SetupEvent["type"];
type Row = Readonly<Record<Column, Outcome>>;
const NOTHING = "nothing new";
const CLOSED = "refused: setup_closed";
const IN_FLIGHT = "refused: void_in_flight";
/** What has no place but in the states that a row names. */
const elsewhere = (outcome: Outcome): Row => ({
  ...(Object.fromEntries(NAMES.map((name) => [name, outcome])) as Row),
  absent: "refused: setup_not_found",
});
/** Held money is a fact of an open set-up and of a closed one; a second transaction is none of this set-up. */
const HELD: Row = {
  ...elsewhere(NOTHING),
  offered: "CardProved",
  declined: "CardProved",
  expired: "CardProved",
};
const WRONG: Row = {
  ...HELD,
  offered: "SetupMismatched",
  declined: "SetupMismatched",
  expired: "SetupMismatched",
};

const TABLE: Readonly<Record<string, readonly [SetupCommand, Row]>> = {
  offer: [offer(minute(9)), { ...elsewhere("refused: setup_exists"), absent: "SetupOffered" }],
  "the sum is held": [hold({ at: minute(9) }), HELD],
  "the sum is held, and the gateway names no account": [hold({ accountId: null, at: minute(9) }), HELD],
  "the sum is taken instead of held": [hold({ captured: true, at: minute(9) }), HELD],
  "another sum is held": [hold({ amount: rub(0.99), at: minute(9) }), WRONG],
  "a sum of another currency is held": [hold({ amount: usd(1), at: minute(9) }), WRONG],
  "the sum is held of another account": [hold({ accountId: STRANGER, at: minute(9) }), WRONG],
  "the sum is held a second time": [
    hold({ transactionId: OTHER_TX, at: minute(9) }),
    { ...HELD, due: CLOSED, in_flight: CLOSED, unknown: CLOSED, done: CLOSED, mismatched: CLOSED },
  ],
  declined: [decline, { ...elsewhere(NOTHING), offered: "SetupDeclined" }],
  "ask to void": [
    askVoid,
    { ...elsewhere(CLOSED), due: "VoidAsked", in_flight: IN_FLIGHT, unknown: IN_FLIGHT, done: NOTHING },
  ],
  "the sum is voided": [
    recordVoid,
    { ...elsewhere(CLOSED), due: "HoldVoided", in_flight: "HoldVoided", unknown: "HoldVoided", done: NOTHING },
  ],
  "the void's answer is lost": [loseAnswer, { ...elsewhere(NOTHING), in_flight: "VoidUnknown" }],
  "a look-up finds it still held": [
    stillHeld,
    { ...elsewhere(NOTHING), in_flight: "VoidFailed", unknown: "VoidFailed" },
  ],
  "the hour is not over": [expireAt(plusMs(OVER, -1)), { ...elsewhere(NOTHING), offered: "refused: setup_not_over" }],
  "the hour is over": [expireAt(OVER), { ...elsewhere(NOTHING), offered: "SetupExpired" }],
};
/** Does not compile when a command is missing; a row for each is asked for below. */
const COMMANDS: Readonly<Record<SetupCommand["type"], true>> = {
  OfferSetup: true,
  RecordHold: true,
  RecordSetupDecline: true,
  AskVoid: true,
  RecordVoid: true,
  RecordLostVoidAnswer: true,
  RecordStillHeld: true,
  ExpireSetup: true,
};

const after = (...commands: readonly SetupCommand[]): Setup =>
  commands.reduce<Setup>((state, command) => {
    const decision = decide(command, state);
    if (!decision.ok) throw new Bug(`${command.type} was refused on the way: ${decision.error.code}`);
    return decision.value.reduce(evolve, state);
  }, initial);

describe("the card set-up's table", () => {
  test.each(Object.entries(TABLE))("%s", (_, [command, cells]) => {
    const outcomes = NAMES.map((name) => {
      const decision = decide(command, after(...COLUMNS[name]));
      if (!decision.ok) return [name, `refused: ${decision.error.code}`];
      expect(decision.value.every(({ at }) => at === command.at)).toBe(true);
      return [name, decision.value.map(({ type }) => type).join(" and ") || NOTHING];
    });
    expect(Object.fromEntries(outcomes)).toEqual(cells);
  });

  test("has a row for each command", () => {
    const rows = new Set(Object.values(TABLE).map(([{ type }]) => type));
    expect([...rows].sort()).toEqual((Object.keys(COMMANDS) as SetupCommand["type"][]).sort());
  });

  test("told again, nothing happens twice", () => {
    for (const [command] of Object.values(TABLE)) {
      for (const name of NAMES) {
        const decision = decide(command, after(...COLUMNS[name]));
        if (!decision.ok || command.type === "OfferSetup" || command.type === "AskVoid") continue;
        const again = decide(command, decision.value.reduce(evolve, after(...COLUMNS[name])));
        expect([command.type, name, again]).toEqual([command.type, name, { ok: true, value: [] }]);
      }
    }
  });
});

/** Every state that any orders and facts lead to, in any order, and each step between two of them. */
const walk = () => {
  const told = Object.values(TABLE).map(([command]) => command);
  const facts = [offer(), ...told.filter(({ type }) => type !== "OfferSetup")];
  const reached = new Map<string, Setup>();
  const steps: (readonly [before: Setup, command: SetupCommand, after: Setup])[] = [];
  const next: Setup[] = [initial];
  for (let state = next.pop(); state !== undefined; state = next.pop()) {
    const key = JSON.stringify(state, (_, value) => (typeof value === "bigint" ? String(value) : value));
    if (reached.has(key)) continue;
    reached.set(key, state);
    for (const command of facts) {
      const decision = decide(command, state);
      const after = decision.ok ? decision.value.reduce(evolve, state) : state;
      steps.push([state, command, after]);
      next.push(after);
    }
  }
  return { states: [...reached.values()], steps };
};

describe("whatever is told of a card set-up, in whatever order", () => {
  const MOVES: Readonly<Record<Setup["status"], readonly Setup["status"][]>> = {
    absent: ["offered"],
    offered: ["voiding", "mismatched", "declined", "expired"],
    declined: ["voiding", "mismatched"],
    expired: ["voiding", "mismatched"],
    voiding: ["done"],
    mismatched: [],
    done: [],
  };
  const { states, steps } = walk();

  test("only the listed moves happen, and each of them can", () => {
    const moved = new Set<string>();
    for (const [before, , after] of steps) {
      if (before.status === after.status) continue;
      expect(MOVES[before.status]).toContain(after.status);
      moved.add(`${before.status} -> ${after.status}`);
    }
    expect(moved.size).toBe(Object.values(MOVES).flat().length);
    console.log(`card set-up: ${steps.length} steps between ${states.length} states, which are all that there are`);
    expect(states.length).toBeGreaterThanOrEqual(20);
  });

  test("money that was held is never forgotten, and is held by one transaction", () => {
    const held = steps.filter(([before]) => "transactionId" in before);
    expect(held.length).toBeGreaterThan(100);
    for (const [before, , after] of held)
      expect(after).toMatchObject("transactionId" in before ? { transactionId: before.transactionId } : {});
  });

  test("money that was held can always be voided", () => {
    const held = states.filter(({ status }) => status === "voiding");
    expect(new Set(held.map((state) => state.status === "voiding" && state.void))).toEqual(
      new Set(["due", "in_flight", "unknown"]),
    );
    for (const state of held) {
      const decision = decide(recordVoid, state);
      expect(decision.ok && decision.value.reduce(evolve, state).status).toBe("done");
    }
  });

  test("one void is asked at a time, and only when no answer is missing", () => {
    const asked = steps.filter(([before, command, after]) => command.type === "AskVoid" && before !== after);
    expect(asked.length).toBeGreaterThan(0);
    for (const [before] of asked) expect(before).toMatchObject({ status: "voiding", void: "due" });
  });
});

describe("a card set-up", () => {
  test("asks for a small sum, and its widget may stay open for an hour", () => {
    expect(after(offer())).toEqual({
      status: "offered",
      setupId: SETUP,
      accountId: PAYER,
      gatewayAccount: GATEWAY,
      cardId: card(1),
      amount: rub(1),
      offeredAt: MON,
      endsAt: OVER,
    });
  });

  test("proves the card when the sum is held, and then the sum is to be voided", () => {
    expect(after(offer(), hold())).toMatchObject({
      status: "voiding",
      transactionId: TX,
      captured: false,
      heldAt: minute(5),
      void: "due",
    });
  });

  test("remembers that the gateway took the sum, for then the void is a refund", () => {
    expect(after(offer(), hold({ captured: true }), askVoid, recordVoid)).toMatchObject({
      status: "done",
      captured: true,
      voidedAt: minute(7),
    });
  });

  test("asks for the void again when a look-up finds the sum still held, until it is voided", () => {
    const steps: readonly SetupCommand[] = [askVoid, loseAnswer, stillHeld, askVoid, loseAnswer, recordVoid];
    const states = steps.map((_, i) => after(offer(), hold(), ...steps.slice(0, i + 1)));
    expect(states.map((state) => (state.status === "voiding" ? state.void : state.status))).toEqual([
      "in_flight",
      "unknown",
      "due",
      "in_flight",
      "unknown",
      "done",
    ]);
  });

  test("that was held in a wrong sum proves nothing, and waits for a person with what came", () => {
    expect(after(offer(), hold({ amount: rub(2) }))).toMatchObject({
      status: "mismatched",
      transactionId: TX,
      received: rub(2),
      closedAt: minute(5),
    });
  });

  test("whose answer comes after its hour or after a decline still proves the card: held money is a fact", () => {
    for (const history of [COLUMNS.declined, COLUMNS.expired]) expect(after(...history, hold()).status).toBe("voiding");
  });

  test("takes one payment: a second one is not swallowed, it waits for a person", () => {
    const second = hold({ transactionId: OTHER_TX });
    for (const history of [COLUMNS.due, COLUMNS.done, COLUMNS.mismatched])
      expect(decide(second, after(...history))).toEqual({ ok: false, error: { code: "setup_closed" } });
  });

  test("in a log where its facts do not fit is a bug, never a guess", () => {
    const proved = { type: "CardProved", transactionId: TX, captured: false, at: MON } as const;
    const mismatched = { type: "SetupMismatched", transactionId: OTHER_TX, received: rub(2), at: MON } as const;
    const { type: _, ...asked } = offer();
    expect(() => evolve(after(offer()), { ...asked, type: "SetupOffered", endsAt: OVER })).toThrow(Bug);
    expect(() => evolve(initial, proved)).toThrow(Bug);
    for (const second of [{ ...proved, transactionId: OTHER_TX }, mismatched])
      expect(() => evolve(after(...COLUMNS.due), second)).toThrow(Bug);
    for (const type of ["VoidAsked", "VoidUnknown", "VoidFailed", "HoldVoided"] as const)
      for (const name of ["offered", "done", "mismatched", "declined", "expired"] as const)
        expect(() => evolve(after(...COLUMNS[name]), { type, at: MON })).toThrow(Bug);
    for (const type of ["SetupDeclined", "SetupExpired"] as const)
      for (const name of ["due", "done", "mismatched", "declined", "expired"] as const)
        expect(() => evolve(after(...COLUMNS[name]), { type, at: MON })).toThrow(Bug);
  });
});
