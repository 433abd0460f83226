import { knows, MOST_IN_FLIGHT, openApi, unauthorised } from "./api.ts";
import { apiMethods } from "./api-methods.ts";
import { GatewayStopped, LADDER_MS, openCourier } from "./courier.ts";
import { FAULT_NAMES, type FaultDice, type FaultName, type Faults, openFaults, SLOWEST_MS } from "./faults.ts";
import { type Fields, readFields } from "./fields.ts";
import { pageResponse } from "./html.ts";
import { indexPage } from "./index-page.ts";
import { type Ledger, type Notification, openLedger, type SavedCard, type Transaction } from "./ledger.ts";
import type { BodyFormat, SignedCall } from "./notification-body.ts";
import { openTill, randomHex } from "./till.ts";
import { openWidget } from "./widget.ts";

export type GatewayOptions = {
  /** Where the ledger is kept; null keeps it in memory. */
  readonly folder: string | null;
  /** Left out: made at first start, and kept in the ledger. */
  readonly credentials?: { readonly publicId: string; readonly apiSecret: string };
  /** Where the merchant hears notifications; the kind is added to it, as in `…/pay`. */
  readonly notify: () => string;
  /** Where the simulator is mounted, as callers see it. Its path is cut off what `fetch` gets. */
  readonly baseUrl: () => string;
  /** Epoch milliseconds of the gateway's world. Retries of notifications go by wall time whatever it says. */
  readonly now?: () => number;
  readonly send?: typeof fetch;
  readonly log?: (line: string) => void;
  /**
   * Waits between the tries of a notification; the last one repeats. Left out: seconds where the gateway takes minutes.
   * `gatewayLadder(scale)` makes the gateway's own, in real time or scaled.
   */
  readonly ladderMs?: readonly number[];
  /** How many requests to the API it works on at once; more are answered 429. A test terminal takes 5, a live one 30. */
  readonly mostInFlight?: number;
};

/** What only the gateway's cabinet can change, kept in the ledger. */
export type Cabinet = {
  /** Whether the merchant is asked before a payment. */
  askBefore(enabled: boolean): void;
  /** How notifications are written from now on. */
  write(format: BodyFormat): void;
};

/** The gateway's books, to look into. */
export type LedgerView = {
  /** All, the newest first. */
  transactions(): readonly Transaction[];
  cards(): readonly SavedCard[];
  /** In the order in which they arose, delivered ones included. A check is asked and not kept. */
  notifications(): readonly Notification[];
  /** What is sent for one, byte for byte. */
  signed(notification: Notification): SignedCall;
};

export type GatewaySimulator = {
  readonly publicId: string;
  readonly apiSecret: string;
  fetch(request: Request): Promise<Response>;
  readonly faults: Faults;
  readonly cabinet: Cabinet;
  readonly ledger: LedgerView;
  /** No request is under way, and each notification has been delivered or given up. */
  idle(): Promise<void>;
  /** What has not been delivered goes on at the next start. */
  stop(): Promise<void>;
};

/**
 * A gateway that speaks CloudPayments' protocol: API, payment window, notifications. It is a foreign system: it shares no
 * code with the adapter that calls it, and keeps books of its own. No money moves.
 */
export const openGatewaySimulator = (options: GatewayOptions): GatewaySimulator => {
  const { now = Date.now, log = () => {} } = options;
  const ledger = openLedger(options.folder);
  const faults = openFaults();
  const publicId = options.credentials?.publicId ?? ledger.factOr("public_id", () => `test_api_${randomHex(23)}`);
  const apiSecret = options.credentials?.apiSecret ?? ledger.factOr("api_secret", () => randomHex(32));
  // Whoever looks into the books wants to know whose they are.
  ledger.setFact("public_id", publicId);
  const format = (): BodyFormat => (ledger.fact("format") === "json" ? "json" : "form");
  const { notify, send = fetch, ladderMs = LADDER_MS } = options;
  const courier = openCourier({ ledger, faults, apiSecret, notify, format, send, now, ladderMs, log });
  const till = openTill({ ledger, courier, faults, publicId, now });
  const base = (): string => new URL(options.baseUrl()).pathname.replace(/\/+$/, "");
  const isKnown = knows(publicId, apiSecret);
  const terminal = () => ({ publicId, url: options.baseUrl() });
  const methods = apiMethods({ ledger, till, terminal, notify, now });
  const { mostInFlight = MOST_IN_FLIGHT } = options;
  const api = openApi({ ledger, faults, methods, isKnown, now, mostInFlight, stopped: courier.stopped });
  const widget = openWidget({ ledger, till, publicId, base, now });
  const desk = faultDesk({ faults, ledger, publicId, base, isKnown });
  const underWay = new Set<Promise<Response>>();

  const route = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    if (pathname !== base() && !pathname.startsWith(`${base()}/`)) return new Response("Not found", { status: 404 });
    const path = pathname.slice(base().length);
    return (await widget(path, request)) ?? (await desk(path, request)) ?? (await api(path, request));
  };
  courier.start();
  return {
    publicId,
    apiSecret,
    faults,
    cabinet: {
      askBefore: (enabled) => ledger.subscribe("check", { ...ledger.subscription("check"), enabled }),
      write: (next) => ledger.setFact("format", next),
    },
    ledger: viewOf(ledger, courier.signed),
    fetch: async (request) => {
      if (courier.stopped.aborted) return new Response(null, { status: 503 });
      const answer = route(request).catch(stopped);
      underWay.add(answer);
      return answer.finally(() => underWay.delete(answer));
    },
    idle: async () => {
      while (underWay.size > 0 || !courier.isIdle()) {
        await Promise.allSettled(underWay);
        await courier.idle();
      }
    },
    stop: async () => {
      if (courier.stopped.aborted) return;
      await courier.stop();
      await Promise.allSettled(underWay);
      ledger.close();
    },
  };
};

const stopped = (error: unknown): Response => {
  if (error instanceof GatewayStopped) return new Response(null, { status: 503 });
  throw error;
};

const viewOf = (ledger: Ledger, signed: LedgerView["signed"]): LedgerView => ({
  transactions: () => ledger.latest(-1),
  cards: () => ledger.cards(-1, 0),
  notifications: ledger.notifications,
  signed,
});

type DeskParts = {
  readonly faults: FaultDice;
  readonly ledger: Ledger;
  readonly publicId: string;
  readonly base: () => string;
  readonly isKnown: (request: Request) => boolean;
};

/** The page for the person at the sandbox, and the switches of its faults. */
const faultDesk =
  ({ faults, ledger, publicId, base, isKnown }: DeskParts) =>
  async (path: string, request: Request): Promise<Response | null> => {
    if ((path === "" || path === "/") && request.method === "GET")
      return pageResponse(indexPage({ ledger, faults: faults.active(), publicId, base: base() }));
    if (path !== "/faults" || request.method !== "POST") return null;
    if (!isKnown(request)) return unauthorised();
    // A browser sends the password along whoever asks; a page of another site may not.
    if (request.headers.get("sec-fetch-site") === "cross-site") return new Response(null, { status: 403 });
    const fields = readFields(request.headers.get("content-type") ?? "", await request.text());
    const complaint = fields === null ? "Invalid request" : switchFault(faults, fields);
    if (complaint !== null) return Response.json({ Success: false, Message: complaint }, { status: 400 });
    if (request.headers.get("accept")?.includes("text/html") === true)
      return new Response(null, { status: 303, headers: { Location: `${base()}/` } });
    return Response.json({ Success: true, Message: null, Model: faults.active() });
  };

/** @returns what is wrong with the request, or null */
const switchFault = (faults: Faults, fields: Fields): string | null => {
  const fault = faultNamed(fields.text("fault"));
  const times = fields.text("times") === "all" ? "all" : fields.integerOr("times", 1);
  const ms = fields.integerOr("ms", 1000);
  if (fields.yes("off")) {
    faults.switchOff();
    return null;
  }
  if (fault === null) fields.complain("Invalid fault value");
  if (times !== "all" && times < 1) fields.complain("Invalid times value");
  if (ms < 0 || ms > SLOWEST_MS) fields.complain("Invalid ms value");
  if (fields.complaint === null && fault !== null)
    faults.switchOn({ fault, times, ms, operation: fields.text("operation") });
  return fields.complaint;
};

const faultNamed = (name: string | null): FaultName | null => FAULT_NAMES.find((one) => one === name) ?? null;
