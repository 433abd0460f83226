import type { Language } from "./problems.ts";

/** The caller's own id of a request where it has one that fits a log line; else one of ours, the same for one request. */
export const requestIdOf = (request: Request): string => {
  const known = ids.get(request);
  if (known !== undefined) return known;
  const given = request.headers.get("x-request-id") ?? "";
  const id = /^[A-Za-z0-9_.-]{1,64}$/.test(given) ? given : crypto.randomUUID();
  ids.set(request, id);
  return id;
};
const ids = new WeakMap<Request, string>();

/** Of our two languages the one that `Accept-Language` weighs more; English when it names neither. */
export const languageOf = (request: Request): Language => {
  const weights = { ru: 0, en: 0 };
  for (const part of (request.headers.get("accept-language") ?? "").split(",")) {
    const [, language, weight = "1"] = /^\s*(ru|en)(?:-[a-z0-9-]+)?\s*(?:;\s*q=([0-9.]+))?\s*$/i.exec(part) ?? [];
    if (language === undefined) continue;
    const name = language.toLowerCase() as Language;
    weights[name] = Math.max(weights[name], Number(weight) || 0);
  }
  return weights.ru > weights.en ? "ru" : "en";
};
