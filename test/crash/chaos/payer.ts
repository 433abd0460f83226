import { z } from "zod";
import { type Answer, CARD, type Stage, submit, type Window } from "../../support/online-viewer.ts";
import type { Asking, patientCaller } from "./patient-caller.ts";

const signedIn = z.object({ accountId: z.string(), accessToken: z.string() });
const named = z.object({ id: z.string(), status: z.string() });
const subscribed = z.object({ subscription: named, invoice: named });
const offered = z.object({ attemptId: z.string(), page: z.string() });
const access = z.object({ allowed: z.boolean() });
const money = z.object({ amount: z.string(), currency: z.string() });
const invoiceView = named.extend({
  captures: z.array(z.object({ transactionId: z.string(), amount: money, role: z.string() })),
});

/** What somebody was told, and has to stay true. */
export type Told = {
  readonly accountId: string;
  readonly token: string;
  /** Epoch milliseconds. The token lives for some minutes from then on. */
  readonly signedInAt: number;
  subscription: string | null;
  invoice: string | null;
  readonly attempts: string[];
  /** The gateway's window said so. */
  hasPaid: boolean;
  hasWatched: boolean;
  /** The subscription is to be ended by a refund. */
  isToEnd: boolean;
};
export type Payer = Awaited<ReturnType<typeof newPayer>>;

let born = 0;
/** The page of the gateway stands still as long as its process does. */
const PAGE_MS = 30_000;
const LOOK_MS = 250;

/** A viewer with a browser that asks again, at an address of their own. */
export const newPayer = async (call: ReturnType<typeof patientCaller>) => {
  born += 1;
  const address = `203.0.${Math.floor(born / 250) % 250}.${born % 250}`;
  const { accountId, accessToken } = await signUp(call, address);
  const ask = (method: "GET" | "POST", path: string, asking: Omit<Asking, "token" | "address"> = {}): Promise<Answer> =>
    call(method, path, { ...asking, token: accessToken, address });
  const told: Told = {
    accountId,
    token: accessToken,
    signedInAt: Date.now(),
    subscription: null,
    invoice: null,
    attempts: [],
    hasPaid: false,
    hasWatched: false,
    isToEnd: false,
  };

  return {
    told,
    subscribes: async (): Promise<string> => {
      const asking = { key: crypto.randomUUID(), body: { plan: "basic", consent: true } };
      const made = expected(subscribed, 201, await ask("POST", "/subscriptions/api/v1/subscriptions", asking));
      Object.assign(told, { subscription: made.subscription.id, invoice: made.invoice.id });
      return made.invoice.id;
    },
    /** Null: not now, for what became of the last one is not known yet, or it is paid. */
    opensWindow: async (invoiceId: string): Promise<Window | null> => {
      const asking = { key: crypto.randomUUID(), body: {} };
      const answer = await ask("POST", `/payments/api/v1/invoices/${invoiceId}/pay`, asking);
      if (answer.status === 409) return null;
      const { attemptId, page } = expected(offered, 200, answer);
      told.attempts.push(attemptId);
      const response = await fetch(page, { signal: AbortSignal.timeout(PAGE_MS) });
      return { attemptId, url: page, html: await response.text() };
    },
    /** Types a card and presses the button, in the bank's page as well. @returns how it ended, as the page has it */
    pressesPay: async (window: Window, number: string = CARD.good): Promise<string | null> => {
      const typed = { number, expiry: "12/39", cvc: "123", holder: "CARD HOLDER", email: "payer@example.com" };
      const stage = await inTime(submit(window, typed));
      const last = stage.at === "bank" ? await inTime(submit(stage, { answer: "approve" })) : stage;
      if (last.result === "success") told.hasPaid = true;
      return last.result;
    },
    mayWatch: async (): Promise<boolean> => {
      const { allowed } = expected(access, 200, await ask("GET", "/subscriptions/api/v1/access"));
      if (allowed) told.hasWatched = true;
      return allowed;
    },
    invoice: async (id: string) => expected(invoiceView, 200, await ask("GET", `/payments/api/v1/invoices/${id}`)),
    /** Reads once, of this very process; answers the statuses. */
    readsAt: async (origin: string, invoiceId: string): Promise<readonly number[]> => {
      const headers = { authorization: `Bearer ${accessToken}`, "x-forwarded-for": address };
      const paths = ["/subscriptions/api/v1/access", `/payments/api/v1/invoices/${invoiceId}`];
      return Promise.all(paths.map(async (path) => (await fetch(`${origin}${path}`, { headers })).status));
    },
    stopsRenewing: async (): Promise<void> => {
      const path = `/subscriptions/api/v1/subscriptions/${told.subscription}/stop`;
      expected(named, 200, await ask("POST", path, { key: crypto.randomUUID() }));
    },
  };
};

/** A caller is counted, so it is not asked more often. */
export const watchesSoon = async (payer: Payer): Promise<boolean> => {
  if (await payer.mayWatch()) return true;
  await Bun.sleep(LOOK_MS);
  return false;
};

/** Who is cut off does not know whether there is an account now: another address is taken. */
const signUp = async (call: ReturnType<typeof patientCaller>, address: string): Promise<z.output<typeof signedIn>> => {
  for (;;) {
    const body = { email: `viewer-${crypto.randomUUID()}@example.com`, password: crypto.randomUUID() };
    const answer = await call("POST", "/auth/api/v1/sign-up", { address, body });
    if (answer.status !== 409) return expected(signedIn, 201, answer);
  }
};

/** An answer that no fault excuses is told as it is. */
const expected = <Shape extends z.ZodType>(shape: Shape, wanted: number, { status, json }: Answer): z.output<Shape> => {
  if (status !== wanted) throw new Error(`expected ${wanted}, came ${status}: ${JSON.stringify(json)}`);
  return shape.parse(json);
};

const inTime = (pressed: Promise<Stage>): Promise<Stage> =>
  Promise.race([
    pressed,
    Bun.sleep(PAGE_MS).then(() => {
      throw new PageSilent();
    }),
  ]);
class PageSilent extends Error {
  override readonly name = "PageSilent";
}
