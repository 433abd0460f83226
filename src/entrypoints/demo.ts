import { z } from "zod";

// Walks a viewer's whole story over HTTP against a running Matinee, as a person with a browser and curl would. It shows what is
// asked, what came and what was recorded, and stops at the first answer that differs.
const base = (process.argv[2] ?? process.env["MATINEE_URL"] ?? "http://localhost:8080").replace(/\/+$/, "");
/** The sandbox has a process of its own where Matinee runs as several. */
const sandboxBase = (process.env["SANDBOX_URL"] ?? base).replace(/\/+$/, "");
const SANDBOX = "/sandbox/cloudpayments";
/** Test cards of the gateway's documentation. */
const CARDS = { declined: "4000 0566 5566 5556", threeDs: "4242 4242 4242 4242" } as const;
/** A payment is told by callback, so what it brings about comes a moment after the gateway's page. */
const PATIENCE_MS = 15_000;
/** A look every quarter of a second stays well below what one account may ask. */
const LOOK_MS = 250;
const ANSWER_MS = 30_000;

/** An answer that differs from what the story says. Told in one sentence; the stack would help nobody. */
class Difference extends Error {
  override readonly name = "Difference";
}
const differs = (sentence: string): never => {
  throw new Difference(sentence);
};

const money = z.object({ amount: z.string(), currency: z.string() });
const plans = z.object({
  plans: z.array(
    z.object({
      code: z.string(),
      title: z.string(),
      price: money,
      trial: z.object({ kind: z.string() }),
      intro: z.unknown().nullable(),
    }),
  ),
  renewalConsent: z.object({ version: z.string(), text: z.string() }),
});
const signedIn = z.object({ accountId: z.string(), accessToken: z.string() });
const subscription = z.object({
  id: z.string(),
  status: z.string(),
  renews: z.boolean(),
  period: z.object({ end: z.string() }).nullable(),
});
const invoice = z.object({ id: z.string(), status: z.string(), due: money, refunded: money });
const subscribed = z.object({ subscription, invoice });
const offer = z.object({ attemptId: z.string(), page: z.string().nullable() });
const access = z.object({ allowed: z.boolean(), quality: z.string().nullable(), until: z.string().nullable() });
const captures = z.object({
  captures: z.array(z.object({ transactionId: z.string(), amount: money, role: z.string() })),
});
const chain = z.object({
  items: z.array(z.object({ version: z.int(), type: z.string(), title: z.string() })),
  nextCursor: z.string().nullable(),
});
const problem = z.object({ title: z.string() });
type Event = z.output<typeof chain>["items"][number];
type Plan = z.output<typeof plans>["plans"][number];

const isTerminal = process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined;
const dim = (text: string): string => (isTerminal ? `\x1b[2m${text}\x1b[22m` : text);
const bold = (text: string): string => (isTerminal ? `\x1b[1m${text}\x1b[22m` : text);
const print = (line = ""): void => void process.stdout.write(`${line}\n`);

const told = { steps: 0, events: 0 };
const step = (title: string): void => {
  told.steps += 1;
  print();
  print(bold(`${told.steps}. ${title}`));
};
const came = (sentence: string): void => print(`   <- ${sentence}`);
const recorded = ({ version, type, title }: Event): void => {
  told.events += 1;
  print(`   ${dim("**")} ${String(version).padStart(2)}. ${title} ${dim(type)}`);
};

type Asking = {
  readonly token?: string;
  readonly key?: string;
  readonly body?: unknown;
  /** Looking again and again is not worth a line each time. */
  readonly isQuiet?: boolean;
};
type Answer = { readonly status: number; readonly json: unknown };

const send = async (url: string, request: RequestInit): Promise<Response> => {
  try {
    return await fetch(url, { ...request, signal: AbortSignal.timeout(ANSWER_MS) });
  } catch {
    const where = URL.canParse(url) ? new URL(url).origin : base;
    return differs(`Nothing answers at ${where}. Start Matinee first, or name its address: demo <url>.`);
  }
};

const ask = async (method: "GET" | "POST", path: string, asking: Asking = {}): Promise<Answer> => {
  const { token, key, body, isQuiet = false } = asking;
  if (!isQuiet) print(dim(`   -> ${method} ${path}${key === undefined ? "" : `  Idempotency-Key: ${key}`}`));
  const response = await send(`${base}${path}`, {
    method,
    headers: {
      "accept-language": "en",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(key === undefined ? {} : { "idempotency-key": key }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, json: text === "" ? null : parseJson(path, text) };
};

const parseJson = (path: string, text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return differs(`${path} answered with something that is no JSON. Does Matinee listen at ${base}?`);
  }
};

/** Expects a status and a shape. What is shown of another answer is its problem's title: the rest may hold a token. */
const expects = <Shape extends z.ZodType>(
  what: string,
  { status, json }: Answer,
  wanted: number,
  shape: Shape,
): z.output<Shape> => {
  if (status !== wanted) {
    const why = problem.safeParse(json);
    const reason = why.success ? `: ${why.data.title}` : "";
    return differs(`${what}: expected HTTP ${wanted}, came ${status}${reason}`);
  }
  const read = shape.safeParse(json);
  return read.success ? read.data : differs(`${what}: the answer has another shape: ${z.prettifyError(read.error)}`);
};

const check = (holds: boolean, sentence: string): void => {
  if (!holds) differs(sentence);
};
const same = (what: string, actual: unknown, wanted: unknown): void => {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(wanted)];
  if (a !== b) differs(`${what}: expected ${b}, came ${a}`);
};

/** Looks until something is so; what came last is told when it never is. */
const until = async <T>(what: string, look: () => Promise<T>, isSo: (seen: T) => boolean): Promise<T> => {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const seen = await look();
    if (isSo(seen)) return seen;
    if (performance.now() > deadline)
      differs(`${what}: not within ${PATIENCE_MS / 1000} s; last seen ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
};

/** One viewer, and how much of the invoice's chain has been shown. */
type Viewer = { readonly token: string };
type Bill = { readonly viewer: Viewer; readonly invoiceId: string; shown: number };

const chainOf = async ({ viewer, invoiceId }: Bill): Promise<readonly Event[]> => {
  const events: Event[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? "" : `&cursor=${cursor}`;
    const path = `/payments/api/v1/invoices/${invoiceId}/events?limit=100${query}`;
    const page = expects("The invoice's chain", await ask("GET", path, { ...viewer, isQuiet: true }), 200, chain);
    events.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return events;
};

/** Waits for these facts and no others, and prints each. The first one that differs ends the story. */
const happens = async (bill: Bill, ...types: readonly string[]): Promise<void> => {
  const isAsTold = (seen: readonly Event[]): boolean => seen.every(({ type }, place) => type === types[place]);
  const fresh = await until(
    `The events ${types.join(", ")}`,
    async () => (await chainOf(bill)).slice(bill.shown),
    (seen) => seen.length >= types.length || !isAsTold(seen),
  );
  for (const event of fresh) recorded(event);
  same("New events", typesOf(fresh), types);
  bill.shown += fresh.length;
};
const typesOf = (events: readonly Event[]): readonly string[] => events.map(({ type }) => type);

const signUp = async (name: string): Promise<Viewer> => {
  const email = `${name}-${crypto.randomUUID()}@example.com`;
  const body = { email, password: crypto.randomUUID(), language: "en", zone: "Europe/Moscow" };
  const answer = await ask("POST", "/auth/api/v1/sign-up", { body });
  if (answer.status === 429)
    differs("From one address 5 people an hour may sign up, and the demonstration needs two. Try again in an hour.");
  const { accountId, accessToken } = expects("Sign-up", answer, 201, signedIn);
  came(`account ${accountId} for ${email}`);
  return { token: accessToken };
};

const subscribe = async (
  viewer: Viewer,
  { code, title, price }: Plan,
  consentVersion: string,
): Promise<{ readonly subscriptionId: string; readonly bill: Bill }> => {
  const asking = {
    ...viewer,
    key: `demo-${crypto.randomUUID()}`,
    body: { plan: code, consent: true, consentVersion },
  };
  const first = await ask("POST", "/subscriptions/api/v1/subscriptions", asking);
  const made = expects("Subscribe", first, 201, subscribed);
  came(`${title}: subscription ${made.subscription.id} is ${made.subscription.status}, invoice ${made.invoice.id}`);
  same("Status of the subscription", made.subscription.status, "incomplete");
  same("What is due", [made.invoice.status, made.invoice.due], ["open", price]);
  const again = await ask("POST", "/subscriptions/api/v1/subscriptions", asking);
  same("The same request with the same key", again, first);
  came("asked again with the same key: the same answer");
  return { subscriptionId: made.subscription.id, bill: { viewer, invoiceId: made.invoice.id, shown: 0 } };
};

type Page = { readonly url: string; readonly html: string };

const readPage = async (response: Response): Promise<Page> => {
  const html = await response.text();
  if (response.status !== 200) return differs(`The gateway's page ${response.url}: HTTP ${response.status}`);
  return { url: response.url, html };
};

/** Opens the payment window as a browser without scripts would. */
const openWindow = async ({ viewer, invoiceId }: Bill): Promise<Page> => {
  const answer = await ask("POST", `/payments/api/v1/invoices/${invoiceId}/pay`, { ...viewer, body: {} });
  const { attemptId, page } = expects("Pay", answer, 200, offer);
  if (page === null) return differs("Pay: the gateway has no page of its own. The demonstration needs the sandbox.");
  came(`attempt ${attemptId}, and the page of the payment window`);
  print(dim(`   -> GET ${new URL(page).pathname}`));
  return readPage(await send(page, { method: "GET" }));
};

/** Fills in the one form of a page, keeps its hidden fields, presses the button and follows. */
const submit = async ({ url, html }: Page, typed: Readonly<Record<string, string>>): Promise<Page> => {
  const form = /<form method="post" action="([^"]*)">([\s\S]*?)<\/form>/.exec(html);
  const [, action, inside] = form ?? [];
  if (action === undefined || inside === undefined) return differs("The gateway's page has no form");
  const hidden = [...inside.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)];
  const fields = Object.fromEntries(hidden.map(([, name = "", value = ""]) => [name, value]));
  print(dim(`   -> POST ${action}`));
  const body = new URLSearchParams({ ...fields, ...typed });
  return readPage(await send(new URL(action, url).href, { method: "POST", body }));
};

const typedCard = (number: string): Readonly<Record<string, string>> => ({
  number,
  expiry: `12/${String((new Date().getUTCFullYear() + 1) % 100).padStart(2, "0")}`,
  cvc: "123",
  holder: "CARD HOLDER",
  email: "payer@example.com",
});

/** How the payment window says that it ended. */
const endOf = ({ html }: Page): string => {
  const result = /data-result="([^"]*)"/.exec(html)?.[1]?.replaceAll("&quot;", '"');
  const read = z.object({ status: z.string() }).safeParse(result === undefined ? null : parseJson("A page", result));
  return read.success ? read.data.status : differs("The gateway's page does not say how the payment ended");
};

const accessOf = async (viewer: Viewer): Promise<z.output<typeof access>> =>
  expects("Access", await ask("GET", "/subscriptions/api/v1/access", viewer), 200, access);

const story = async (): Promise<void> => {
  print(`A first paid subscription, end to end, at ${base}`);

  step("Is Matinee ready?");
  expects("Health", await ask("GET", "/health/ready"), 200, z.object({ status: z.literal("ready") }));
  came("ready");
  const sandbox = await send(`${sandboxBase}${SANDBOX}/`, { method: "GET" });
  if (sandbox.status !== 200)
    differs("This Matinee works with a real gateway. The demonstration pays with test cards, so it needs the sandbox.");
  came("payments are a sandbox: no money moves");

  step("What is on sale?");
  const { plans: onSale, renewalConsent } = expects(
    "Plans",
    await ask("GET", "/subscriptions/api/v1/plans"),
    200,
    plans,
  );
  for (const { code, title, price } of onSale) came(`${title} (${code}): ${price.amount} ${price.currency}`);
  const plan = onSale.find(({ trial, intro }) => trial.kind === "none" && intro === null);
  if (plan === undefined) return differs("No plan without a trial is on sale. Make one: matinee plans apply <file>.");

  step("A new viewer signs up");
  const viewer = await signUp("viewer");
  const before = await accessOf(viewer);
  check(!before.allowed, "Access before anything is paid: expected none");
  came("nothing may be watched yet");

  step("Subscribes with automatic renewal, twice with one key");
  const { subscriptionId, bill } = await subscribe(viewer, plan, renewalConsent.version);
  await happens(bill, "InvoiceIssued");

  step("Opens the payment window and pays with a card that has no money");
  const declined = await submit(await openWindow(bill), typedCard(CARDS.declined));
  same("The payment", endOf(declined), "fail");
  came("the window says that the payment was declined");
  await happens(bill, "OfferMade", "CheckAccepted", "PaymentDeclined");
  check(!(await accessOf(viewer)).allowed, "Access after a decline: expected none");
  came("still nothing may be watched, and nothing was taken");

  step("Opens it anew and pays with another card, which the bank asks to confirm");
  const bank = await submit(await openWindow(bill), typedCard(CARDS.threeDs));
  check(new URL(bank.url).pathname.endsWith("/3ds"), "A card with 3-D Secure: expected the bank's page");
  came("the bank's page");
  const approved = await submit(bank, { answer: "approve" });
  same("The payment", endOf(approved), "success");
  came("the window says that it is paid");
  await happens(bill, "OfferMade", "CheckAccepted", "PaymentSucceeded", "InvoicePaid");

  step("May watch");
  const after = await accessOf(viewer);
  const mine = expects(
    "My subscription",
    await ask("GET", `/subscriptions/api/v1/subscriptions/${subscriptionId}`, viewer),
    200,
    subscription,
  );
  check(after.allowed, "Access after the payment: expected to be allowed");
  same("The subscription", [mine.status, mine.renews], ["active", true]);
  came(`${after.quality}, paid until ${mine.period?.end}; with time for the renewal until ${after.until}`);

  step("Why was I charged?");
  const detail = await ask("GET", `/payments/api/v1/invoices/${bill.invoiceId}`, viewer);
  const paid = expects("My invoice", detail, 200, invoice);
  const taken = expects("My invoice", detail, 200, captures).captures;
  same("The invoice", [paid.status, Number(paid.refunded.amount)], ["paid", 0]);
  same(
    "What was taken",
    taken.map(({ amount, role }) => [role, amount]),
    [["settling", plan.price]],
  );
  const whole = await chainOf(bill);
  same(
    "Numbers of the chain",
    whole.map(({ version }) => version),
    whole.map((_, place) => place + 1),
  );
  came(
    `${whole.length} events, one payment of ${plan.price.amount} ${plan.price.currency}: ${taken[0]?.transactionId}`,
  );

  step("Stops renewing, and thinks better of it");
  const one = `/subscriptions/api/v1/subscriptions/${subscriptionId}`;
  const stopped = expects("Stop renewing", await ask("POST", `${one}/stop`, viewer), 200, subscription);
  same("Stopped", [stopped.status, stopped.renews, stopped.period], ["active", false, mine.period]);
  came(`does not renew; stays ${stopped.status} until ${stopped.period?.end}`);
  check((await accessOf(viewer)).allowed, "Access after the stop: expected to stay until the paid end");
  const undone = expects("Undo", await ask("POST", `${one}/undo-stop`, viewer), 200, subscription);
  same("Undone", [undone.status, undone.renews, undone.period], ["active", true, mine.period]);
  came("renews again");

  step("A second viewer opens the payment window and closes it");
  const second = await signUp("closer");
  const other = await subscribe(second, plan, renewalConsent.version);
  await happens(other.bill, "InvoiceIssued");
  await openWindow(other.bill);
  came("the window is open; the viewer closes it without paying");
  await happens(other.bill, "OfferMade");
  const unpaid = expects(
    "The unpaid invoice",
    await ask("GET", `/payments/api/v1/invoices/${other.bill.invoiceId}`, second),
    200,
    invoice,
  );
  same("The unpaid invoice", unpaid.status, "open");
  check(!(await accessOf(second)).allowed, "Access of one who did not pay: expected none");
  came("the invoice stays open, nothing was taken, nothing may be watched");
  const foreign = await ask("GET", `/payments/api/v1/invoices/${bill.invoiceId}`, second);
  same("Somebody else's invoice", foreign.status, 404);
  came("and of the first viewer's invoice this one learns nothing");

  step("The first viewer logs out");
  same("Log-out", (await ask("POST", "/auth/api/v1/logout", viewer)).status, 204);
  same("The token afterwards", (await ask("GET", "/auth/api/v1/me", viewer)).status, 401);
  came("the token is dead");
};

try {
  await story();
  print();
  print(`All as it should be: ${told.steps} steps, ${told.events} events.`);
} catch (error) {
  if (!(error instanceof Difference)) throw error;
  process.stderr.write(`\n${told.steps === 0 ? "" : `Step ${told.steps} differs. `}${error.message}\n`);
  process.exitCode = 1;
}
