import type { AccountDesk } from "../../core/accounts/accounts.ts";
import type { AccountId } from "../../core/ids.ts";
import type { Callbacks } from "../../core/ports/callbacks.ts";
import type { Payments } from "../../core/ports/payments.ts";
import type { Queries } from "../../core/ports/queries.ts";
import type { RateLimits } from "../../core/ports/rate-limits.ts";
import type { Instant } from "../../core/time.ts";
import type { CallbackDoor } from "../../core/work/callback-door.ts";
import type { Hints } from "../../core/work/hints.ts";
import type { Requests } from "../../core/work/requests.ts";
import type { ProblemCode } from "./problems.ts";

/** All that the HTTP application asks of the process. */
export type HttpPorts = {
  readonly requests: Requests;
  readonly accounts: AccountDesk;
  readonly queries: Queries;
  /** One for each gateway that may call. */
  readonly callbacks: readonly GatewayDoor[];
  readonly payments: Pick<Payments, "widget">;
  readonly hints: Hints;
  readonly limits: RateLimits;
  /** Billing time, the account's own. */
  readonly billingNow: (account: AccountId) => Promise<Instant>;
  readonly ready: () => Promise<{ readonly ok: boolean; readonly parts: Readonly<Record<string, string>> }>;
  /** Addresses and networks ("10.0.0.0/8") whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  /** Where people reach us, without a slash at the end. */
  readonly publicUrl: () => string;
  /** Applications of their own below a prefix, as in "/sandbox/cloudpayments". They see the whole path. */
  readonly mounts: readonly Mount[];
  readonly log: (entry: LogEntry) => void;
};

export type GatewayDoor = { readonly callbacks: Callbacks; readonly door: CallbackDoor };
export type Mount = {
  readonly prefix: string;
  readonly fetch: (request: Request) => Promise<Response> | Response;
};

/** One for each request. `error` is only there when the fault is ours. What is undefined has no place in a log line. */
export type LogEntry = {
  readonly requestId: string;
  readonly method: string;
  /** The pattern, not the path: "/payments/api/v1/invoices/:id". Null: nothing is served there. */
  readonly route: string | null;
  readonly status: number;
  readonly ms: number;
  readonly accountId: AccountId | undefined;
  readonly problem: ProblemCode | undefined;
  readonly error: unknown;
};
