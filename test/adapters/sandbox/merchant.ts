import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type GatewayOptions,
  type GatewaySimulator,
  openGatewaySimulator,
} from "../../../src/adapters/sandbox/gateway/simulator.ts";

/** One notification as it came over the wire. `fields` are read by the merchant's own means. */
export type Heard = {
  readonly kind: string;
  readonly method: string;
  readonly raw: string;
  readonly contentType: string;
  readonly fields: Readonly<Record<string, string>>;
  /** Both signatures are right, by the merchant's own reckoning. */
  readonly isSigned: boolean;
};
type Answering = (heard: Heard) => Response | Promise<Response>;

export const CODE = (code: number): Response => Response.json({ code });

/** A merchant that hears notifications over HTTP, and checks their signatures with code of its own. */
export const openMerchant = (secret: () => string) => {
  const heard: Heard[] = [];
  let answering: Answering = () => CODE(0);
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const url = new URL(request.url);
      const raw = request.method === "GET" ? url.search.slice(1) : await request.text();
      const contentType = request.headers.get("content-type") ?? "";
      const isJson = contentType.startsWith("application/json");
      const one: Heard = {
        kind: url.pathname.slice(1),
        method: request.method,
        raw,
        contentType,
        fields: isJson ? JSON.parse(raw) : Object.fromEntries(new URLSearchParams(raw)),
        isSigned:
          request.headers.get("content-hmac") === hmac(secret(), raw) &&
          request.headers.get("x-content-hmac") === hmac(secret(), isJson ? raw : decoded(raw)),
      };
      heard.push(one);
      return answering(one);
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    heard: (kind?: string): readonly Heard[] => heard.filter((one) => kind === undefined || one.kind === kind),
    kinds: (): readonly string[] => heard.map(({ kind }) => kind),
    answers: (next: Answering) => {
      answering = next;
    },
    close: () => server.stop(true),
  };
};

const hmac = (secret: string, message: string): string => {
  const hasher = new Bun.CryptoHasher("sha256", secret);
  return hasher.update(message).digest("base64");
};
/** Spaces for plus signs, bytes for escapes. */
const decoded = (raw: string): string => {
  const bytes: number[] = [];
  const source = Buffer.from(raw, "utf8");
  for (let at = 0; at < source.length; at += 1) {
    const byte = source[at] ?? 0;
    if (byte === 0x25) {
      bytes.push(Number.parseInt(source.toString("latin1", at + 1, at + 3), 16));
      at += 2;
    } else bytes.push(byte === 0x2b ? 0x20 : byte);
  }
  return Buffer.from(bytes).toString("utf8");
};

export const vectors = { hmac, decoded };

export const MOUNT = "/sandbox/cloudpayments";
export const CARD = {
  good: "4000000000003055",
  threeDs: "4242424242424242",
  renewalFails: "4111111111111111",
  poor: "4000056655665556",
} as const;

type Answer = {
  readonly Success: boolean;
  readonly Message: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: an answer of a foreign system, of which a test names what it is about.
  readonly Model?: any;
};
type CallOptions = { readonly requestId?: string; readonly form?: boolean; readonly secret?: string };
type PayOptions = { readonly intent?: object; readonly form?: Readonly<Record<string, string>> };

/** A gateway behind a socket, and a merchant that it notifies. Closed by `await using`. */
export const openWorld = async (
  options: Partial<GatewayOptions> & { readonly mount?: string; readonly askBefore?: boolean } = {},
) => {
  const { mount = MOUNT, askBefore = true, ...rest } = options;
  let gateway: GatewaySimulator | null = null;
  const running = (): GatewaySimulator => {
    if (gateway === null) throw new Error("the gateway is not open yet");
    return gateway;
  };
  const merchant = openMerchant(() => running().apiSecret);
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    development: false,
    fetch: (request) => running().fetch(request),
  });
  const url = `http://127.0.0.1:${server.port}${mount}`;
  const open = (): GatewaySimulator =>
    openGatewaySimulator({
      folder: null,
      notify: () => merchant.url,
      baseUrl: () => url,
      ladderMs: [5],
      ...rest,
    });
  gateway = open();
  gateway.cabinet.askBefore(askBefore);

  const request = (path: string, fields: object = {}, { requestId, form = false, secret }: CallOptions = {}) => {
    const { publicId, apiSecret } = running();
    return fetch(`${url}${path}`, {
      method: "POST",
      headers: {
        authorization: `Basic ${btoa(`${publicId}:${secret ?? apiSecret}`)}`,
        "content-type": form ? "application/x-www-form-urlencoded" : "application/json",
        ...(requestId === undefined ? {} : { "x-request-id": requestId }),
      },
      body: form ? new URLSearchParams(fields as Record<string, string>).toString() : JSON.stringify(fields),
    });
  };
  const call = async (path: string, fields: object = {}, how: CallOptions = {}): Promise<Answer> => {
    const answer = await request(path, fields, how);
    return (await answer.json()) as Answer;
  };
  const intentOf = (over: object = {}): string =>
    encodeIntent({
      publicTerminalId: running().publicId,
      paymentSchema: "Single",
      amount: 499,
      currency: "RUB",
      description: "Подписка",
      externalId: "att_1",
      userInfo: { accountId: "acc_1" },
      tokenize: true,
      ...over,
    });
  const page = (path: string) => fetch(`${url}${path}`, { redirect: "manual" });
  const submit = (path: string, fields: Readonly<Record<string, string>>) =>
    fetch(`${url}${path}`, { method: "POST", body: new URLSearchParams(fields), redirect: "manual" });
  /** Presses "pay" as a browser without scripts would. Ends on the bank's page or on the result. */
  const press = async (number: string, { intent = {}, form = {} }: PayOptions = {}) => {
    const raw = intentOf(intent);
    const opened = await (await page(`/widget?intent=${raw}`)).text();
    const key = /name="key" value="([0-9a-f]+)"/.exec(opened)?.[1] ?? "";
    const card = { number, expiry: "12/39", cvc: "123", holder: "CARD HOLDER", email: "payer@example.com" };
    const pressed = await submit("/widget/pay", { intent: raw, key, ...card, ...form });
    return { key, pressed, location: pressed.headers.get("location") ?? "" };
  };
  /** A payment by a person who approves whatever the bank asks. */
  const pay = async (number: string, how: PayOptions = {}) => {
    const { key, location } = await press(number, how);
    if (location.includes("/3ds")) await submit("/widget/3ds", { key, answer: "approve" });
    const shown = await (await page(`/widget/result?key=${key}`)).text();
    const transaction = running().ledger.transactions()[0];
    if (transaction === undefined) throw new Error(`nothing was paid: ${shown}`);
    return { transaction, shown, wasChallenged: location.includes("/3ds") };
  };
  const charge = (token: string | null, over: object = {}, how: CallOptions = {}) =>
    call(
      "/payments/tokens/charge",
      {
        Amount: 499,
        Currency: "RUB",
        AccountId: "acc_1",
        Token: token,
        TrInitiatorCode: 0,
        PaymentScheduled: 1,
        ...over,
      },
      how,
    );
  return {
    url,
    merchant,
    get gateway() {
      return running();
    },
    request,
    call,
    intentOf,
    page,
    submit,
    press,
    pay,
    charge,
    /** A card of acc_1 that has paid once. */
    token: async (number: string = CARD.good): Promise<string> => (await pay(number)).transaction.token ?? "",
    /** Stops the gateway and opens it again on the same folder. */
    restart: async () => {
      await running().stop();
      gateway = open();
    },
    [Symbol.asyncDispose]: async () => {
      await running().stop();
      await merchant.close();
      await server.stop(true);
    },
  };
};

export const encodeIntent = (parameters: object): string =>
  Buffer.from(JSON.stringify(parameters), "utf8").toString("base64url");

/** A folder of its own, gone with the machine's temporary files. */
export const freshFolder = (): Promise<string> => mkdtemp(join(tmpdir(), "gateway-"));
