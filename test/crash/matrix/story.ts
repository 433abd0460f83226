import { z } from "zod";
import { MINUTE_MS } from "../../../src/core/time.ts";
import { CARD, submit } from "../../support/online-viewer.ts";
import { until as soon } from "../../support/until.ts";
import type { House, Play } from "./house.ts";

const PRICE_MINOR = 29_900n;
const REFUNDED_MINOR = 10_000n;
const GIVES_UP_MS = 20_000;
const TRIES_AGAIN_MS = 20;
/** After this an operator looks whether the refund is there. */
const OPERATOR_MS = 300;

/** Longer than an offer is good for: an hour. */
const OFFER_ENDS_MS = 65 * MINUTE_MS;
/** Longer than a refund is left alone whose worker may have died: five minutes. */
const LOOK_UP_MS = 6 * MINUTE_MS;

const tokens = z.object({ accountId: z.string(), accessToken: z.string(), refreshToken: z.string() });
const subscribed = z.object({ subscription: z.object({ id: z.string() }), invoice: z.object({ id: z.string() }) });
const offered = z.object({ attemptId: z.string(), page: z.string() });
type Window = z.output<typeof offered>;

/**
 * `strange`: strangers pay as well. `whole`: with all that befalls a merchant seldom. `silent`: the gateway carries out everything
 * and tells us nothing.
 */
export type StoryName = "short" | "strange" | "whole" | "silent";

/** Where the story has led, in the words of our own rows and of the gateway's books. */
export type Ending = {
  readonly invoice: string;
  readonly subscription: string;
  readonly access: bigint;
  /** Captures by what they are and what of them has gone back, in order. */
  readonly captures: readonly string[];
  readonly succeeded: bigint;
  /** Attempts that nobody knows the end of. */
  readonly open: bigint;
  /** What the gateway holds for the invoice. */
  readonly held: bigint;
};
const GONE_BACK = "extra 29900 29900";
const EXTRAS: Readonly<Record<StoryName, readonly string[]>> = {
  short: [GONE_BACK],
  strange: [GONE_BACK],
  whole: [GONE_BACK, GONE_BACK],
  silent: [],
};
export const endingOf = (story: StoryName): Ending => ({
  invoice: "partly_refunded",
  subscription: "active",
  access: 1n,
  captures: [...EXTRAS[story], "settling 29900 10000"],
  succeeded: 1n,
  open: 0n,
  held: PRICE_MINOR - REFUNDED_MINOR,
});

let born = 0;

/**
 * A viewer signs up, subscribes, is declined once and pays with another card; pays again by mistake, which goes back;
 * and the staff gives back a part of the first payment. Strange, somebody pays for nothing of ours as well. Whole, a third payment
 * besides is given back in the gateway's own console before we hear of it. Silent, neither decline nor payment nor refund is told
 * to us and the refund's own answer is lost, so that we ask; nobody pays twice, and the payment is told when we know.
 * Everybody does what a person would: who gets no answer asks again.
 */
export const playStory = async (house: House, play: Play, story: StoryName): Promise<Ending> => {
  const viewer = newViewer(play);
  await viewer.signsUp();
  await viewer.staysSignedIn();
  const { subscription, invoice } = await viewer.asks(subscribed, "POST", "/subscriptions/api/v1/subscriptions", {
    plan: "basic",
    consent: true,
  });
  const evening: Evening = { house, play, viewer, invoiceId: invoice.id, rows: rowsOf(house, invoice.id) };
  await (story === "silent" ? isToldNothing(evening) : isToldAll(evening, story));
  await viewer.leaves();

  await play.until("all is quiet", play.isQuiet);
  return ending(house, subscription.id, invoice.id);
};

type Evening = {
  readonly house: House;
  readonly play: Play;
  readonly viewer: ReturnType<typeof newViewer>;
  readonly invoiceId: string;
  readonly rows: ReturnType<typeof rowsOf>;
};

const isToldAll = async (evening: Evening, story: StoryName): Promise<void> => {
  const { house, play, invoiceId, rows } = evening;
  await paysWith(evening, CARD.poor);
  const window = await paysAtLast(evening);
  await play.until("it is paid", async () => (await rows.invoice()) === "paid");

  house.simulator.cabinet.askBefore(false);
  await presses(window.page, CARD.good);
  await play.until("the second payment has gone back", async () => (await rows.returned()) === PRICE_MINOR);
  if (story === "whole") {
    await paysAndIsRefundedAtOnce(house, window);
    await play.until("the third payment has gone back", async () => (await rows.returned()) === 2n * PRICE_MINOR);
  }
  if (story !== "short") await paysForNothingOfOurs(window);
  house.simulator.cabinet.askBefore(true);
  await staffRefunds(house, play, invoiceId);
};

const isToldNothing = async (evening: Evening): Promise<void> => {
  const { house, play, viewer, invoiceId, rows } = evening;
  const { faults } = house.simulator;
  faults.switchOn({ fault: "lost", operation: "fail" });
  const { attemptId } = await opensAndPresses(evening, CARD.poor);
  play.passes(OFFER_ENDS_MS);
  await play.until("the decline is found", async () => (await rows.attempt(attemptId)) === "declined");

  faults.switchOn({ fault: "lost", operation: "pay" });
  await paysAtLast(evening);
  await viewer.hints(invoiceId);
  await play.until("the payment is found", async () => (await rows.invoice()) === "paid");
  await isToldAtLast(house);

  faults.switchOn({ fault: "html", operation: "/payments/refund" });
  faults.switchOn({ fault: "lost", operation: "refund" });
  await staffRefunds(house, play, invoiceId);
  await play.until("the refund's answer is missed", async () =>
    ["unknown", "done"].includes(String(await rows.refund())),
  );
  play.passes(LOOK_UP_MS);
  await play.until("the refund is found", async () => (await rows.refund()) === "done");
};

/** The gateway's word for the payment comes when we have found it by ourselves. */
const isToldAtLast = async ({ simulator }: House): Promise<void> => {
  const lost = simulator.ledger.notifications().findLast(({ kind, state }) => kind === "pay" && state === "lost");
  if (lost === undefined) throw new Error("there was a payment");
  await insists("it is told at last", async () => {
    const { url, ...call } = simulator.ledger.signed(lost);
    const answer = await fetch(url, call).catch(() => null);
    return answer?.status === 200;
  });
};

/** Opens a window of its own and pays there; answers whether the window says that it is paid. */
const opensAndPresses = async (
  { viewer, invoiceId }: Evening,
  number: string,
): Promise<Window & { readonly isPaid: boolean }> => {
  const window = await viewer.asks(offered, "POST", `/payments/api/v1/invoices/${invoiceId}/pay`, {});
  return { ...window, isPaid: await presses(window.page, number) };
};
const paysWith = async (evening: Evening, number: string): Promise<Window & { readonly isPaid: boolean }> => {
  const window = await opensAndPresses(evening, number);
  const { play, rows } = evening;
  if (!window.isPaid)
    await play.until("the decline is known", async () => (await rows.attempt(window.attemptId)) === "declined");
  return window;
};
/** The gateway declines as well when we do not answer its check. */
const paysAtLast = async (evening: Evening): Promise<Window> => {
  for (;;) {
    const window = await paysWith(evening, CARD.good);
    if (window.isPaid) return window;
  }
};

/** A person with a browser: signs in again where need be, and asks again until there is an answer. */
const newViewer = (play: Play) => {
  born += 1;
  const address = `203.0.${Math.floor(born / 250) % 250}.${born % 250}`;
  const email = `viewer-${crypto.randomUUID()}@example.com`;
  const password = "seven green bicycles";
  let session: z.output<typeof tokens> | null = null;

  const request = async (method: string, path: string, body: unknown, key: string | null) => {
    const headers = {
      "x-forwarded-for": address,
      ...(session === null ? {} : { authorization: `Bearer ${session.accessToken}` }),
      ...(key === null ? {} : { "idempotency-key": key }),
      ...(body === null ? {} : { "content-type": "application/json" }),
    };
    try {
      const response = await fetch(`${play.origin()}${path}`, {
        method,
        headers,
        ...(body === null ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(GIVES_UP_MS),
      });
      return { status: response.status, text: await response.text() };
    } catch {
      return null; // No connection, or no answer in time.
    }
  };
  const signsIn = async (path: string, body: unknown, wanted: number): Promise<number | null> => {
    const answer = await request("POST", `/auth/api/v1/${path}`, body, null);
    if (answer?.status === wanted) session = tokens.parse(JSON.parse(answer.text));
    return answer?.status ?? null;
  };
  const logsIn = () => insists("log in", async () => (await signsIn("login", { email, password }, 200)) === 200);

  return {
    signsUp: () =>
      insists("sign up", async () => {
        const status = await signsIn("sign-up", { email, password }, 201);
        // Whose answer was lost has an account already.
        if (status === 409) await logsIn();
        return status === 201 || status === 409;
      }),
    staysSignedIn: () =>
      insists("refresh", async () => {
        const status = await signsIn("refresh", { refreshToken: session?.refreshToken ?? "" }, 200);
        if (status === 401) await logsIn();
        return status === 200 || status === 401;
      }),
    /** The page's own word that all went well. */
    hints: (invoiceId: string) =>
      insists("a hint", async () => {
        const answer = await request("POST", `/payments/api/v1/invoices/${invoiceId}/look-up`, null, null);
        if (answer?.status === 401) await logsIn();
        return answer?.status === 200 || answer?.status === 202;
      }),
    leaves: () =>
      insists("log out", async () => {
        const answer = await request("POST", "/auth/api/v1/logout", null, null);
        if (answer?.status === 401) await logsIn();
        return answer?.status === 204;
      }),
    asks: async <Shape extends z.ZodType>(
      shape: Shape,
      method: string,
      path: string,
      body: unknown,
    ): Promise<z.output<Shape>> => {
      const key = crypto.randomUUID();
      let answered: z.output<Shape> | null = null;
      await insists(`${method} ${path}`, async () => {
        const answer = await request(method, path, body, key);
        if (answer?.status === 401) await logsIn();
        if (answer?.status === 200 || answer?.status === 201) answered = shape.parse(JSON.parse(answer.text));
        const isToComeBack = answer === null || [202, 401, 502, 503].includes(answer.status);
        if (!isToComeBack && answered === null) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
        return answered !== null;
      });
      if (answered === null) throw new Error("it was answered");
      return answered;
    },
  };
};

const insists = async (what: string, does: () => Promise<boolean>): Promise<void> => {
  await soon(
    what,
    async () => {
      if (await does()) return true;
      await Bun.sleep(TRIES_AGAIN_MS);
      return false;
    },
    GIVES_UP_MS,
  );
};

/** Opens the gateway's window, types a card and presses the button. Answers whether the window says that it is paid. */
const presses = async (page: string, number: string): Promise<boolean> => {
  const html = await (await fetch(page)).text();
  const typed = { number, expiry: "12/39", cvc: "123", holder: "CARD HOLDER", email: "viewer@example.com" };
  return (await submit({ url: page, html }, typed)).result === "success";
};

/** The gateway tells of the refund before it tells of the payment. */
const paysAndIsRefundedAtOnce = async (
  { simulator, gatewayUrl }: House,
  { page, attemptId }: Window,
): Promise<void> => {
  // Any other notification that is delivered would let the one that is held back go.
  await simulator.idle();
  simulator.faults.switchOn({ fault: "reorder", operation: "pay" });
  await presses(page, CARD.good);
  const payment = simulator.ledger.transactions().find(({ invoiceId, type }) => invoiceId === attemptId && type === 0);
  const { publicId, apiSecret } = simulator;
  const refunded = await fetch(`${gatewayUrl()}/payments/refund`, {
    method: "POST",
    headers: { authorization: `Basic ${btoa(`${publicId}:${apiSecret}`)}`, "content-type": "application/json" },
    body: JSON.stringify({ TransactionId: payment?.id, Amount: 299 }),
  });
  if (!((await refunded.json()) as { readonly Success: boolean }).Success) throw new Error("it can be refunded");
};

/** The same window, for an order of some other system of the merchant's: declined at first. */
const paysForNothingOfOurs = async ({ page }: Window): Promise<void> => {
  const url = new URL(page);
  const intent = JSON.parse(Buffer.from(url.searchParams.get("intent") ?? "", "base64url").toString("utf8"));
  const other = { ...intent, externalId: `order-${crypto.randomUUID()}` };
  url.searchParams.set("intent", Buffer.from(JSON.stringify(other)).toString("base64url"));
  await presses(url.href, CARD.poor);
  await presses(url.href, CARD.good);
};

/** Who gets no answer looks whether the refund was asked for, before it is asked for again. */
const staffRefunds = async (house: House, play: Play, invoiceId: string): Promise<void> => {
  const { gatewayAccount } = house;
  await insists("a refund", async () => {
    const [row] = await house.store.driver.query(
      `select transaction_id, reserved_minor + returned_minor as asked from billing.captures
       where invoice_id = $1 and role = 'settling'`,
      [invoiceId],
    );
    if (BigInt(String(row?.["asked"])) > 0n) return true;
    const operator = await play.operator();
    const asked = operator.ask({
      type: "payment.refund",
      invoiceId,
      gatewayAccount,
      transactionId: row?.["transaction_id"],
      amount: { amount: "100.00", currency: "RUB" },
      access: "keep",
    });
    await Promise.race([asked.catch(() => null), Bun.sleep(OPERATOR_MS)]);
    return false;
  });
};

/** Our rows, read past the application. */
const rowsOf = ({ store }: House, invoiceId: string) => {
  const value = async (sql: string, ...parameters: string[]): Promise<unknown> =>
    Object.values((await store.driver.query(sql, parameters))[0] ?? {})[0] ?? null;
  return {
    invoice: () => value("select status from billing.invoices where invoice_id = $1", invoiceId),
    refund: () => value("select status from billing.refunds where invoice_id = $1", invoiceId),
    attempt: (id: string) => value("select status from billing.attempts where attempt_id = $1", id),
    returned: async () =>
      BigInt(
        String(
          await value(
            "select coalesce(sum(returned_minor), 0) from billing.captures where invoice_id = $1 and role = 'extra'",
            invoiceId,
          ),
        ),
      ),
  };
};

const ending = async ({ store, simulator }: House, subscriptionId: string, invoiceId: string): Promise<Ending> => {
  const { query } = store.driver;
  const one = async (sql: string, parameter: string): Promise<unknown> =>
    Object.values((await query(sql, [parameter]))[0] ?? {})[0];
  const count = async (sql: string): Promise<bigint> => BigInt(String(await one(sql, invoiceId)));
  const attempts = (await query("select attempt_id from billing.attempts where invoice_id = $1", [invoiceId])).map(
    (row) => row["attempt_id"],
  );
  const moved = simulator.ledger
    .transactions()
    .filter(({ status, invoiceId: of }) => status === "Completed" && attempts.includes(of));
  return {
    invoice: String(await one("select status from billing.invoices where invoice_id = $1", invoiceId)),
    subscription: String(
      await one("select status from billing.subscriptions where subscription_id = $1", subscriptionId),
    ),
    access: BigInt(
      String(await one("select count(*) from billing.access where source = 'subscription/' || $1", subscriptionId)),
    ),
    captures: (
      await query(
        `select role || ' ' || captured_minor || ' ' || returned_minor as line from billing.captures
         where invoice_id = $1 order by 1`,
        [invoiceId],
      )
    ).map((row) => String(row["line"])),
    succeeded: await count("select count(*) from billing.attempts where invoice_id = $1 and status = 'succeeded'"),
    open: await count(
      "select count(*) from billing.attempts where invoice_id = $1 and status in ('current', 'in_flight', 'unknown')",
    ),
    held: moved.reduce((held, { type, minor }) => (type === 1 ? held - BigInt(minor) : held + BigInt(minor)), 0n),
  };
};
