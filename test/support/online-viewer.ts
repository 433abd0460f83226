import { z } from "zod";

/** Test cards of the gateway's documentation. */
export const CARD = {
  good: "4000000000003055",
  threeDs: "4242424242424242",
  poor: "4000056655665556",
} as const;

const money = z.object({ amount: z.string(), currency: z.string() });
const tokens = z.object({ accountId: z.string(), accessToken: z.string(), refreshToken: z.string() });
const subscription = z.object({ id: z.string(), status: z.string(), renews: z.boolean() });
const subscribed = z.object({ subscription, invoice: z.object({ id: z.string(), status: z.string() }) });
const offered = z.object({ attemptId: z.string(), page: z.string() });
const invoice = z.object({
  id: z.string(),
  status: z.string(),
  due: money,
  refunded: money,
  attempts: z.array(z.object({ id: z.string(), status: z.string() })),
  captures: z.array(z.object({ transactionId: z.string(), amount: money, returned: money, role: z.string() })),
  refunds: z.array(z.object({ amount: money, status: z.string() })),
});
const list = z.object({ items: z.array(z.object({ id: z.string(), status: z.string() })) });
const chain = z.object({ items: z.array(z.object({ type: z.string() })) });

export type Answer = { readonly status: number; readonly json: unknown };
/** A payment window that stands open, with the form that it shows. */
export type Window = { readonly attemptId: string; readonly url: string; readonly html: string };
/** Where a pressed button has led. */
export type Stage = {
  readonly at: "bank" | "result";
  readonly url: string;
  readonly html: string;
  readonly result: string | null;
};

let born = 0;

/** A person with a browser, somewhere in the world: signs up at once, and reaches us from an address of their own. */
export const newViewer = async (origin: () => string) => {
  born += 1;
  const requestId = `viewer-${born}`;
  const address = `203.0.${Math.floor(born / 250) % 250}.${born % 250}`;
  const email = `viewer-${crypto.randomUUID()}@example.com`;
  const password = crypto.randomUUID();
  let access: string | null = null;
  let refresh: string | null = null;

  const request = async (method: string, path: string, body?: unknown, key?: string): Promise<Answer> => {
    const response = await fetch(`${origin()}${path}`, {
      method,
      headers: {
        "x-forwarded-for": address,
        "accept-language": "en",
        "x-request-id": requestId,
        ...(access === null ? {} : { authorization: `Bearer ${access}` }),
        ...(key === undefined ? {} : { "idempotency-key": key }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, json: text === "" ? null : JSON.parse(text) };
  };
  const signIn = (answer: Answer): string => {
    const { accountId, accessToken, refreshToken } = tokens.parse(answer.json);
    [access, refresh] = [accessToken, refreshToken];
    return accountId;
  };
  const accountId = signIn(await request("POST", "/auth/api/v1/sign-up", { email, password }));

  const told = async <Shape extends z.ZodType>(
    shape: Shape,
    wanted: number,
    answering: Promise<Answer>,
  ): Promise<z.output<Shape>> => {
    const { status, json } = await answering;
    if (status !== wanted) throw new Error(`expected ${wanted}, came ${status}: ${JSON.stringify(json)}`);
    return shape.parse(json);
  };
  const asksToSubscribe = (key: string = crypto.randomUUID(), plan = "basic"): Promise<Answer> =>
    request("POST", "/subscriptions/api/v1/subscriptions", { plan, consent: true }, key);
  const opensWindow = async (invoiceId: string): Promise<Window> => {
    const { attemptId, page } = await told(
      offered,
      200,
      request("POST", `/payments/api/v1/invoices/${invoiceId}/pay`, {}),
    );
    const opened = await fetch(page);
    return { attemptId, url: page, html: await opened.text() };
  };
  /** Types a card, presses the button, and follows where it leads. */
  const presses = (window: Window, number: string): Promise<Stage> =>
    submit(window, { number, expiry: "12/39", cvc: "123", holder: "CARD HOLDER", email });

  return {
    accountId,
    /** What all of this viewer's requests are called in the log. */
    requestId,
    request,
    asksToSubscribe,
    opensWindow,
    presses,
    subscribes: async (plan = "basic") => {
      const made = await told(subscribed, 201, asksToSubscribe(crypto.randomUUID(), plan));
      return { subscriptionId: made.subscription.id, invoiceId: made.invoice.id };
    },
    /** In the bank's page. */
    answersBank: (stage: Stage, answer: "approve" | "refuse"): Promise<Stage> => submit(stage, { answer }),
    /** Opens the window and pays; answers how the window says that it ended. */
    pays: async (
      invoiceId: string,
      number: string = CARD.good,
    ): Promise<Window & { readonly result: string | null }> => {
      const window = await opensWindow(invoiceId);
      const { result } = await presses(window, number);
      return { ...window, result };
    },
    /** An access token lives for minutes only. */
    comesBack: async (): Promise<void> => {
      signIn(await request("POST", "/auth/api/v1/refresh", { refreshToken: refresh }));
    },
    mayWatch: async (): Promise<boolean> =>
      (await told(z.object({ allowed: z.boolean() }), 200, request("GET", "/subscriptions/api/v1/access"))).allowed,
    invoice: (id: string) => told(invoice, 200, request("GET", `/payments/api/v1/invoices/${id}`)),
    invoices: async () => (await told(list, 200, request("GET", "/payments/api/v1/invoices?limit=100"))).items,
    subscription: (id: string) => told(subscription, 200, request("GET", `/subscriptions/api/v1/subscriptions/${id}`)),
    subscriptions: async () =>
      (await told(list, 200, request("GET", "/subscriptions/api/v1/subscriptions?limit=100"))).items,
    chain: async (id: string) =>
      (await told(chain, 200, request("GET", `/payments/api/v1/invoices/${id}/events?limit=100`))).items.map(
        ({ type }) => type,
      ),
  };
};
export type OnlineViewer = Awaited<ReturnType<typeof newViewer>>;

/** Presses the button of the page's form as a browser without scripts would: hidden fields go along. */
export const submit = async (
  { url, html }: { readonly url: string; readonly html: string },
  typed: Readonly<Record<string, string>>,
): Promise<Stage> => {
  const [, action = "", inside = ""] = /<form method="post" action="([^"]*)">([\s\S]*?)<\/form>/.exec(html) ?? [];
  const hidden = [...inside.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)];
  const fields = Object.fromEntries(hidden.map(([, name = "", value = ""]) => [name, value]));
  const answer = await fetch(new URL(action, url), {
    method: "POST",
    body: new URLSearchParams({ ...fields, ...typed }),
  });
  const shown = await answer.text();
  const result = /data-result="([^"]*)"/.exec(shown)?.[1]?.replaceAll("&quot;", '"');
  return {
    at: new URL(answer.url).pathname.endsWith("/3ds") ? "bank" : "result",
    url: answer.url,
    html: shown,
    result: result === undefined ? null : z.object({ status: z.string() }).parse(JSON.parse(result)).status,
  };
};
