import type { AccountId } from "../../core/ids.ts";
import type { RateTaken } from "../../core/ports/rate-limits.ts";
import type { Language, ProblemCode } from "./problems.ts";

/** What is known of a request beside what it says. Noted on its way through, for the answer's headers and the log. */
export type Visit = {
  readonly requestId: string;
  readonly language: Language;
  readonly address: string;
  accountId: AccountId | null;
  problem: ProblemCode | null;
  error: unknown;
  taken: RateTaken | null;
};

/** @param addressOf asked once, and only where somebody wants to know: most requests are counted by their account */
export const openVisit = (request: Request, addressOf: () => string): Visit => {
  let address: string | null = null;
  const visit: Visit = {
    requestId: requestIdOf(request),
    language: languageOf(request),
    get address() {
      address ??= addressOf();
      return address;
    },
    accountId: null,
    problem: null,
    error: undefined,
    taken: null,
  };
  return visit;
};
/** For who is given the request alone. One visit may have two: a HEAD is answered as the GET that it stands for. */
export const noteVisit = (visit: Visit, request: Request): void => {
  visits.set(request, visit);
};
/** Of a request that did not come through the door (there is none but in a test of a part) nothing is known. */
export const visitOf = (request: Request): Visit => visits.get(request) ?? openVisit(request, () => "unknown");
const visits = new WeakMap<Request, Visit>();

/** The caller's own id of a request where it has one that fits a log line; else one of ours. */
const requestIdOf = (request: Request): string => {
  const given = request.headers.get("x-request-id");
  return given !== null && /^[A-Za-z0-9_.-]{1,64}$/.test(given) ? given : crypto.randomUUID();
};

/** Of our two languages the one that `Accept-Language` weighs more; English when it names neither. */
const languageOf = (request: Request): Language => {
  const accepted = request.headers.get("accept-language");
  if (accepted === null) return "en";
  const weights = { ru: 0, en: 0 };
  for (const part of accepted.split(",")) {
    const [, language, weight = "1"] = /^\s*(ru|en)(?:-[a-z0-9-]+)?\s*(?:;\s*q=([0-9.]+))?\s*$/i.exec(part) ?? [];
    if (language === undefined) continue;
    const name = language.toLowerCase() as Language;
    weights[name] = Math.max(weights[name], Number(weight) || 0);
  }
  return weights.ru > weights.en ? "ru" : "en";
};
