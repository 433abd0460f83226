import type { Command, CommandType } from "../../src/core/billing/command.ts";
import type { RowOf } from "../../src/core/billing/read-model.ts";
import type { AccountId, AttemptId, InvoiceId, SubscriptionId, TransactionId } from "../../src/core/ids.ts";
import type { Decline } from "../../src/core/invoice/invoice.ts";
import { type Money, money } from "../../src/core/money.ts";
import type { Outcome } from "../../src/core/ports/storage.ts";
import { HOUR_MS, MINUTE_MS } from "../../src/core/time.ts";
import type { Request } from "../../src/core/work/requests.ts";
import { accountNamed, answered, BASIC, GATEWAY, MOSCOW, PREMIUM, payer, staff } from "../support/cinema.ts";
import { ASK_PAYER, HARD, OUTAGE, SOFT } from "../support/gateway.ts";
import type { Order, Payer } from "./gateway.ts";
import type { World } from "./world.ts";

/** What a viewer knows: what has come out of what was asked. Newest first. */
export type Viewer = {
  readonly accountId: AccountId;
  readonly subscriptions: SubscriptionId[];
  readonly invoices: InvoiceId[];
  readonly widgets: Order[];
  readonly requests: Asked[];
};
/** What is asked; each time that it is, it comes as a request of its own. */
export type Asked = Omit<Request, "requestId">;
export const openViewer = (nth: number): Viewer => ({
  accountId: accountNamed(`viewer ${nth}`),
  subscriptions: [],
  invoices: [],
  widgets: [],
  requests: [],
});

/**
 * Commands that a route or the operator gives today. A new one does not compile until somebody asks it below, and a test
 * compares these with what the routes and the command line give.
 */
export type ReachedCommand = Extract<
  CommandType,
  | "subscription.start"
  | "subscription.stop"
  | "subscription.undo_stop"
  | "invoice.offer"
  | "invoice.annul"
  | "payment.refund"
  | "payment.settle_mismatch"
>;

type Told = Readonly<Record<string, string>>;
type Asking<Type extends CommandType> = {
  readonly by: "viewer" | "staff";
  readonly weight: number;
  /** Null: there is nothing that it could be about. */
  readonly command: (world: World, viewer: Viewer) => Promise<Extract<Command, { type: Type }> | null>;
  readonly hears?: (world: World, viewer: Viewer, told: Told) => Promise<void>;
};

const CONSENT = "v1";
const newestOrAny = <T>({ dice }: World, all: readonly T[]): T | null =>
  dice.chance(0.8) ? (all[0] ?? null) : dice.pick(all);
const rowsOf = async ({ store }: World, { accountId }: Viewer) => {
  const page = { after: null, limit: 200 };
  const invoices = answered(await store.queries.invoicesOf(accountId, page));
  const rows = await Promise.all(
    invoices.map(({ invoiceId }) => store.queries.invoice(invoiceId as InvoiceId).then(answered)),
  );
  return rows.filter((row) => row !== null);
};
const capturesOf = async (world: World, viewer: Viewer): Promise<readonly RowOf<"captures">[]> =>
  (await rowsOf(world, viewer)).flatMap(({ captures }) => captures);
/** All that is left, a round sum that others may have come to as well, or any: also too much, and nothing. */
const someSum = ({ dice }: World, left: bigint): Money => {
  const [all, round] = [dice.chance(0.4), dice.chance(0.5)];
  const any = BigInt(1 + dice.below(40_000));
  return money(all ? left : round ? 5_000n : any, "RUB");
};

export const ASKS: { readonly [Type in ReachedCommand]: Asking<Type> } = {
  "subscription.start": {
    by: "viewer",
    weight: 4,
    command: async ({ dice }, { accountId }) => {
      const plan = dice.chance(0.8) ? PREMIUM : BASIC;
      const consent = dice.chance(0.7) ? CONSENT : null;
      return { type: "subscription.start", accountId, plan, zone: MOSCOW, consent };
    },
    hears: async (_, viewer, { subscriptionId, invoiceId }) => {
      viewer.subscriptions.unshift(subscriptionId as SubscriptionId);
      viewer.invoices.unshift(invoiceId as InvoiceId);
    },
  },
  "invoice.offer": {
    by: "viewer",
    weight: 8,
    command: async (world, { invoices }) => {
      const invoiceId = newestOrAny(world, invoices);
      const consent = world.dice.chance(0.5) ? CONSENT : null;
      return invoiceId === null ? null : { type: "invoice.offer", invoiceId, consent };
    },
    hears: async ({ store, dice }, { accountId, widgets }, { attemptId }) => {
      const made = answered(await store.queries.attempt(attemptId as AttemptId))?.attempt;
      if (made === undefined) throw new Error("an offer that was answered is there");
      const amount = money(made.amountMinor, "RUB");
      const saveCard = dice.chance(0.5);
      widgets.unshift({ reference: made.attemptId, account: accountId, amount, onlyAuthorised: false, saveCard });
    },
  },
  "subscription.stop": {
    by: "viewer",
    weight: 2,
    command: async (world, { subscriptions }) => {
      const subscriptionId = newestOrAny(world, subscriptions);
      return subscriptionId === null ? null : { type: "subscription.stop", subscriptionId };
    },
  },
  "subscription.undo_stop": {
    by: "viewer",
    weight: 2,
    command: async (world, { subscriptions }) => {
      const subscriptionId = newestOrAny(world, subscriptions);
      return subscriptionId === null ? null : { type: "subscription.undo_stop", subscriptionId };
    },
  },
  "invoice.annul": {
    by: "staff",
    weight: 1,
    command: async (world, { invoices }) => {
      const invoiceId = newestOrAny(world, invoices);
      return invoiceId === null ? null : { type: "invoice.annul", invoiceId };
    },
  },
  "payment.refund": {
    by: "staff",
    weight: 4,
    command: async (world, viewer) => {
      const captures = await capturesOf(world, viewer);
      const some = captures.filter((one) => leftOf(one) > 0n);
      const capture = world.dice.pick(some.length > 0 && world.dice.chance(0.9) ? some : captures);
      if (capture === null) return null;
      const amount = someSum(world, leftOf(capture));
      return refundOf(capture, amount, world.dice.chance(0.5) ? "end" : "keep");
    },
  },
  "payment.settle_mismatch": {
    by: "staff",
    weight: 1,
    command: async ({ store, dice }) => {
      const mismatch = dice.pick(answered(await store.queries.mismatches(50)));
      if (mismatch === null) return null;
      const [invoiceId, transactionId] = [mismatch.invoiceId as InvoiceId, mismatch.transactionId as TransactionId];
      return { type: "payment.settle_mismatch", invoiceId, gatewayAccount: GATEWAY, transactionId, note: "settled" };
    },
  },
};

/** What is neither gone nor asked back. */
export const leftOf = ({ capturedMinor, returnedMinor, reservedMinor }: RowOf<"captures">): bigint =>
  capturedMinor - returnedMinor - reservedMinor;
export const refundOf = (capture: RowOf<"captures">, amount: Money, access: "keep" | "end") => ({
  type: "payment.refund" as const,
  invoiceId: capture.invoiceId as InvoiceId,
  gatewayAccount: GATEWAY,
  transactionId: capture.transactionId as TransactionId,
  amount,
  access,
});

/** What is done at the widget, at the gateway's desk, or with a request that was made before. */
type Doing = {
  readonly by: "viewer" | "staff" | "gateway";
  readonly weight: number;
  readonly acts: (world: World, viewer: Viewer) => Promise<unknown>;
};

const DECLINES: readonly Decline[] = [SOFT, HARD, ASK_PAYER, OUTAGE];
const somePayer = ({ dice }: World): Payer => {
  const [thinks, leaves, fails] = [dice.about(100, 2 * MINUTE_MS), dice.chance(0.2), dice.chance(0.2)];
  const declined = dice.pick(DECLINES);
  return { thinksMs: thinks, leaves, declined: fails ? declined : null, unasked: false };
};
const paying = (world: World, order: Order, payer: Payer = somePayer(world)): void => {
  world.gateway.pay(order, payer).catch(world.fail);
};

/** A player asks on and on, whatever its owner does meanwhile. */
const watching = (world: World, { accountId }: Viewer): void => {
  world.watch(accountId, 1 + world.dice.below(10)).catch(world.fail);
};

export const DOINGS = {
  pays: {
    by: "viewer",
    weight: 8,
    acts: async (world, viewer) => {
      const { widgets } = viewer;
      const [order] = widgets;
      if (order === undefined) return;
      const payer = somePayer(world);
      if (world.dice.chance(0.3)) watching(world, viewer);
      await world.gateway.pay(order, payer);
      forget(world, widgets, order);
      if (payer.leaves && world.dice.chance(0.7)) await world.pause(world.dice.about(HOUR_MS, 3 * HOUR_MS));
    },
  },
  pays_in_two_tabs: {
    by: "viewer",
    weight: 3,
    acts: async (world, { widgets }) => {
      const [first, second = first] = world.dice.chance(0.3) ? widgets : widgets.slice(0, 1);
      if (first === undefined || second === undefined) return;
      paying(world, first);
      paying(world, second);
      forget(world, widgets, first);
    },
  },
  pays_late: {
    by: "viewer",
    weight: 2,
    acts: async (world, { widgets }) => {
      const order = world.dice.pick(widgets);
      if (order !== null) paying(world, order);
    },
  },
  /** Lets the bank wait: what began in time ends long after its offer. */
  dawdles: {
    by: "viewer",
    weight: 1,
    acts: async (world, { widgets }) => {
      const [order] = widgets;
      if (order !== undefined)
        paying(world, order, { ...somePayer(world), thinksMs: world.dice.about(60_000, 3 * HOUR_MS) });
    },
  },
  /** The widget's code is paid by several, or twice by one: the gateway asks us no more. */
  pays_by_code: {
    by: "viewer",
    weight: 1,
    acts: async (world, { widgets }) => {
      const order = newestOrAny(world, widgets);
      for (let times = world.dice.below(3); order !== null && times >= 0; times -= 1)
        paying(world, order, { ...somePayer(world), unasked: true });
    },
  },
  tampers: {
    by: "viewer",
    weight: 2,
    acts: async (world, viewer) => {
      const order = newestOrAny(world, viewer.widgets);
      if (order !== null) paying(world, bent(world, order), { ...somePayer(world), unasked: world.dice.chance(0.5) });
    },
  },
  /** Another shop of ours takes money at the same gateway account. */
  pays_elsewhere: {
    by: "viewer",
    weight: 0.5,
    acts: async (world, { accountId }) => {
      const reference = world.dice.pick([null, "order 17", "att_00000000000000000000000000"]);
      const amount = money(BigInt(1 + world.dice.below(90_000)), "RUB");
      const order = { reference, account: accountId, amount, onlyAuthorised: false, saveCard: true };
      paying(world, order, { ...somePayer(world), unasked: true });
    },
  },
  /** Sends once more what was sent before, under the same key. */
  repeats: {
    by: "viewer",
    weight: 2,
    acts: async (world, { requests }) => {
      const request = newestOrAny(world, requests);
      if (request !== null) await world.ask(request);
    },
  },
  /** Uses a key again for something else. */
  mistakes_the_key: {
    by: "viewer",
    weight: 0.5,
    acts: async (world, { requests, accountId }) => {
      const request = newestOrAny(world, requests);
      if (request?.command.type !== "subscription.start") return;
      const plan = request.command.plan === BASIC ? PREMIUM : BASIC;
      await world.ask({ ...request, command: { ...request.command, accountId, plan } });
    },
  },
  /** Ends what runs with its period, and takes another to follow it. */
  moves_on: {
    by: "viewer",
    weight: 2,
    acts: async (world, viewer) => {
      await asks(world, viewer, "subscription.stop");
      await asks(world, viewer, "subscription.start");
    },
  },
  /** Two of the staff, or one in two windows, give back the same money. */
  refunds_twice: {
    by: "staff",
    weight: 1,
    acts: async (world, viewer) => {
      const capture = world.dice.pick((await capturesOf(world, viewer)).filter((one) => leftOf(one) > 1n));
      if (capture === null) return;
      const half = refundOf(capture, money(leftOf(capture) / 2n, "RUB"), "keep");
      await Promise.all([1, 2].map(() => askUntilTold(world, staffAsks(world, half))));
    },
  },
  /** Asks something of what is another's. */
  meddles: {
    by: "viewer",
    weight: 0.5,
    acts: async (world, viewer) => {
      const other = world.dice.pick(world.viewers.filter(({ accountId }) => accountId !== viewer.accountId));
      const command =
        other === null ? null : await ASKS[world.dice.pick(MEDDLING) ?? "invoice.offer"].command(world, other);
      if (command !== null) await world.ask(viewerAsks(world, viewer, command));
    },
  },
  /** The browser says that all went well, whether or not it did. */
  hints: {
    by: "viewer",
    weight: 3,
    acts: async (world, { invoices }) => {
      const invoiceId = newestOrAny(world, invoices);
      if (invoiceId !== null) await world.hint(invoiceId);
    },
  },
  /** Asks whether it may, again and again, as players do; and goes on with other things meanwhile. */
  watches: {
    by: "viewer",
    weight: 1,
    acts: async (world, viewer) => watching(world, viewer),
  },
  goes_away: {
    by: "viewer",
    weight: 0.5,
    acts: async ({ pause, dice }) => pause(dice.about(10 * MINUTE_MS, 20 * HOUR_MS)),
  },
  /** Somebody gives money back in the gateway's own cabinet. */
  refunds_at_the_desk: {
    by: "gateway",
    weight: 1,
    acts: async (world) => {
      const payment = world.dice.pick(world.gateway.books.filter(({ kind }) => kind === "payment"));
      if (payment === null) return;
      const { minor } = someSum(world, world.gateway.leftOf(payment.transactionId));
      world.gateway.giveBackAtDesk(payment.transactionId, money(minor, payment.amount.currency));
    },
  },
} as const satisfies Readonly<Record<string, Doing>>;

const MEDDLING = ["subscription.start", "invoice.offer", "subscription.stop", "subscription.undo_stop"] as const;

const bent = ({ dice }: World, order: Order): Order => {
  const { amount } = order;
  switch (dice.below(4)) {
    case 0:
      return { ...order, amount: money(dice.chance(0.5) ? 100n : amount.minor + 1n, "RUB") };
    case 1:
      return { ...order, amount: money(amount.minor, "USD") };
    case 2:
      return { ...order, account: dice.chance(0.5) ? accountNamed("somebody else") : null };
    default:
      return { ...order, onlyAuthorised: true };
  }
};

type Name = ReachedCommand | keyof typeof DOINGS;
const isAsked = (name: Name): name is ReachedCommand => Object.hasOwn(ASKS, name);
const behaviourOf = (name: Name): Pick<Doing, "by" | "weight"> => (isAsked(name) ? ASKS[name] : DOINGS[name]);
export const BEHAVIOURS = [...Object.keys(ASKS), ...Object.keys(DOINGS)] as readonly Name[];

/** One act of somebody who may do such things. */
export const act = async (world: World, by: Doing["by"], viewer: Viewer): Promise<void> => {
  const { dice, swarm } = world;
  const weights = BEHAVIOURS.map((name) => {
    const { weight, by: whose } = behaviourOf(name);
    return [name, whose === by ? weight * (swarm.humours[name] ?? 1) + (whose === by ? 1e-9 : 0) : 0];
  });
  const drawn = dice.weighted(Object.fromEntries(weights) as Readonly<Record<Name, number>>);
  const name = by === "viewer" ? whatIsFirst(world, viewer, drawn) : drawn;
  world.note(`${by} ${name}`);
  world.count(`does ${name}`);
  if (isAsked(name)) await asks(world, viewer, name);
  else await DOINGS[name].acts(world, viewer);
};

/** Who has nothing to pay for begins with that, as a rule: an empty house tells no stories. */
const whatIsFirst = ({ dice }: World, { subscriptions, invoices, widgets }: Viewer, drawn: Name): Name => {
  const isKeen = dice.chance(0.8);
  if (isKeen && subscriptions.length === 0) return "subscription.start";
  return isKeen && widgets.length === 0 && invoices.length > 0 ? "invoice.offer" : drawn;
};

const asks = async (world: World, viewer: Viewer, type: ReachedCommand): Promise<void> => {
  // The table pairs each command with what hears its outcome; here the two have lost sight of each other.
  const { by, command: make, hears } = ASKS[type] as Asking<CommandType>;
  const command = await make(world, viewer);
  if (command === null) return;
  const told = await askUntilTold(
    world,
    by === "staff" ? staffAsks(world, command) : viewerAsks(world, viewer, command),
  );
  if (told?.ok === true) await hears?.(world, viewer, told.value);
  if (told?.ok === false && command.type === "invoice.offer") forget(world, viewer.invoices, command.invoiceId);
};

/** What has come to nothing is left alone, as a rule. */
const forget = <T>({ dice }: World, all: T[], one: T): void => {
  if (dice.chance(0.7) && all.includes(one)) all.splice(all.indexOf(one), 1);
};

const viewerAsks = (world: World, { accountId, requests }: Viewer, command: Command): Asked => {
  // Their browsers count alike: the keys of two viewers are the same.
  const key = world.dice.chance(0.8) ? `key ${requests.length + 1}` : null;
  const request = { actor: payer(accountId), command, accountId, operation: `POST ${command.type}`, key };
  if (key !== null) requests.unshift(request);
  return request;
};
export const staffAsks = (world: World, command: Command): Asked => ({
  actor: staff("owner"),
  command,
  accountId: null,
  operation: `do ${command.type}`,
  key: world.newName(),
});

/** Who hears nothing asks again with the same key, some times. */
export const askUntilTold = async (world: World, request: Asked, tries = 4): Promise<Outcome | null> => {
  for (let left = tries; left > 0; left -= 1) {
    const requested = await world.ask(request);
    if (requested?.status === "done") return requested.outcome;
    if (requested?.status === "key_reused" || request.key === null) return null;
    await world.pause(world.dice.about(500, 20_000));
  }
  return null;
};
