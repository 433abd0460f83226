import { jwtServiceTokens } from "../../adapters/crypto/service-tokens.ts";
import { intakeBodies } from "../../adapters/wire/intake-bodies.ts";
import { serviceCommands } from "../../adapters/wire/service-commands.ts";
import { commandDoor } from "../../core/work/command-door.ts";
import { relaying } from "../../core/work/relay.ts";
import { tellServices } from "../../core/work/tell-services.ts";
import { updater } from "../../core/work/updater.ts";
import { digest, type Ground } from "./ground.ts";
import { openRunning, type Part } from "./running.ts";

/** The State Updater: takes commands, executes them, and brings what was committed to the bus. */
export type ConsumerPart = Part & {
  /** Something was written: it is brought to the bus now. */
  committed(): void;
};

/** What was accepted is taken within this although nobody rang. Source: design, 1.2. */
const INTAKE_SWEEP_MS = 1500;
/** Alone in its process it is woken by each commit; what others commit is found by looking. */
const RELAY_SWEEP_MS = 1000;
const RELAY_SWEEP_SHARED_MS = 100;
const OUTCOMES_SWEEP_MS = 1000;
/** Another consumer takes it. */
const CLOCK_OFF = { status: "later", afterMs: 1000, because: "this node's clock is off" } as const;

export const consumerPart = (ground: Ground): ConsumerPart => {
  const { store, state, log, now, bus, services, alone, isBusThere, isClockRight } = ground;
  const named = { digest, bodies: intakeBodies, now };
  const running = openRunning(log);
  let wakeRelay: () => void = () => undefined;
  let wakeTelling: () => void = () => undefined;

  /** A step towards the bus, by one process at a time, and by one that reaches it. */
  const toTheBus = (what: string, idleMs: number, step: () => Promise<boolean>) => {
    const leased = alone(what, step);
    const begun = running.every(what, idleMs, async () => {
      if (isBusThere()) return leased.step();
      await leased.release();
      return false;
    });
    running.keep({ stop: leased.release });
    return begun;
  };
  const startRelay = (): void => {
    const relay = relaying({ outbox: store.outbox, bus, now, reports: log.report });
    const relays = toTheBus("relay", services === null ? RELAY_SWEEP_MS : RELAY_SWEEP_SHARED_MS, relay.step);
    wakeRelay = relays.wake;
    if (services === null) return;
    wakeTelling = toTheBus("outcomes", OUTCOMES_SWEEP_MS, () => tellServices(store.intake, services)).wake;
  };
  const takeCommands = async (): Promise<void> => {
    if (services === null) return;
    const tokens = await jwtServiceTokens(ground.masterKey);
    const door = commandDoor({
      ...named,
      intake: store.intake,
      services,
      bus,
      tokens,
      commands: serviceCommands,
      reports: log.report,
    });
    const take: typeof door.take = async (sent) => (isClockRight() ? door.take(sent) : CLOCK_OFF);
    running.keep(await services.takeCommands(take, door.putAside));
  };

  return {
    start: async () => {
      const updating = updater({
        ...named,
        billing: state,
        intake: store.intake,
        bus,
        reports: log.report,
        onCommitted: () => wakeRelay(),
        onServed: () => wakeTelling(),
        log: log.command,
      });
      // What takes new work is stopped first.
      await takeCommands();
      // By a wrong clock a period would begin early or late. Rows that were rung for here are swept by others.
      running.keep(await bus.answerRings(async (ids) => (isClockRight() ? updating.take(ids) : undefined)));
      running.every("intake", INTAKE_SWEEP_MS, async () => isClockRight() && (await updating.sweep()));
      startRelay();
    },
    stop: running.stop,
    committed: () => wakeRelay(),
  };
};
