import type { Actor } from "../../../src/core/actor.ts";
import type { Executed } from "../../../src/core/billing/billing.ts";
import type { Command } from "../../../src/core/billing/command.ts";
import type { AttemptId, InvoiceId, RefundId, SetupId, SubscriptionId, TransactionId } from "../../../src/core/ids.ts";
import { AT_GATEWAY, GATEWAY, payer, SERVICE, SYSTEM, staff } from "../../support/cinema.ts";
import type { Dice } from "./dice.ts";
import {
  pick,
  someAttempt,
  someCapture,
  someInvoice,
  someRefund,
  someSubscription,
  type World,
  whose,
} from "./world.ts";

export const isDone = (executed: Executed): boolean => executed.status === "done" && executed.outcome.ok;

/** One thing that may happen. Returns without asking when there is nothing that it could be about. */
export type Happening = {
  readonly weight: number;
  readonly happens: (world: World, dice: Dice) => Promise<unknown>;
  /** What it would ask, and as whom: for those that do nothing but ask. */
  readonly asks?: (world: World, dice: Dice) => Promise<readonly [Actor, Command] | null>;
};
type Ask = (world: World, dice: Dice) => Promise<Command | null> | Command | null;
export const asked = (weight: number, actor: (world: World, dice: Dice) => Actor, ask: Ask): Happening => {
  const asks: Happening["asks"] = async (world, dice) => {
    const command = await ask(world, dice);
    return command === null ? null : [actor(world, dice), command];
  };
  return {
    weight,
    asks,
    happens: async (world, dice) => {
      const question = await asks(world, dice);
      return question === null ? null : world.cinema.ask(...question);
    },
  };
};
export const byPayer = (_: World, dice: Dice): Actor => payer(whose(dice));
export const byOwner = (): Actor => staff("owner");
export const byService = (): Actor => SERVICE;
export const bySystem = (): Actor => SYSTEM;
export const byGateway = (): Actor => AT_GATEWAY;
export const onSubscription =
  (command: (subscriptionId: SubscriptionId, dice: Dice) => Command): Ask =>
  async (world, dice) =>
    command(await someSubscription(world, dice), dice);
export const onInvoice =
  (command: (invoiceId: InvoiceId, dice: Dice) => Command): Ask =>
  async (world, dice) => {
    const invoice = await someInvoice(world, dice);
    return invoice === undefined ? null : command(invoice.invoiceId as InvoiceId, dice);
  };
export const onAttempt =
  (command: (attemptId: AttemptId, dice: Dice) => Command): Ask =>
  async (world, dice) => {
    const attempt = await someAttempt(world, dice);
    return attempt === undefined ? null : command(attempt.attemptId as AttemptId, dice);
  };
export const onCapture =
  (
    command: (
      capture: {
        readonly invoiceId: InvoiceId;
        readonly gatewayAccount: typeof GATEWAY;
        readonly transactionId: TransactionId;
      },
      minor: bigint,
      dice: Dice,
    ) => Command,
  ): Ask =>
  async (world, dice) => {
    const row = await someCapture(world, dice);
    if (row === undefined) return null;
    const transactionId = row.transactionId as TransactionId;
    return command(
      { invoiceId: row.invoiceId as InvoiceId, gatewayAccount: GATEWAY, transactionId },
      row.capturedMinor,
      dice,
    );
  };
export const onRefund =
  (command: (refundId: RefundId, world: World) => Command | null): Ask =>
  async (world, dice) => {
    const refundId = await someRefund(world, dice);
    return refundId === undefined ? null : command(refundId, world);
  };
export const onSetup =
  (command: (setupId: SetupId, world: World) => Command | null): Ask =>
  (world, dice) => {
    const setupId = pick(world.ledger.setups(), dice);
    return setupId === undefined ? null : command(setupId, world);
  };
