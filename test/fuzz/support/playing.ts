import { type Cast, happens } from "./cast.ts";
import { type Answer, type Ask, type FuzzHouse, hmacOf, type Person, signedIn } from "./house.ts";
import type { Drawn, DrawnBody } from "./requests.ts";

export type Played = {
  readonly request: Ask;
  readonly answer: Answer;
  /** What the request has told and no answer may repeat. */
  readonly secrets: readonly string[];
};

/** Makes real requests of drawn ones: names become the ids, tokens and words that they stand for. */
export const playing = (house: FuzzHouse, cast: Cast) => {
  let made = 0;
  const nameless = (text: string): string =>
    text.replace(/@(\w+)(?:\.(\w+))?/g, (whole, who: string, what: string | undefined) => {
      if (who === "newEmail") return `fuzz-${++made}@example.com`;
      if (who === "newPassword") return `a long passphrase ${++made}`;
      if (who === "cursor") return cursorOf(cast.anna);
      if (who === "foreignCursor") return cursorOf(cast.boris);
      const person: unknown = Reflect.get(cast, who);
      const word: unknown = what === undefined ? undefined : Reflect.get(Object(person), what);
      return typeof word === "string" ? word : whole;
    });

  const authorizationOf = async ({ asker }: Drawn): Promise<string | null> => {
    if (typeof asker === "object") return asker.authorization;
    if (asker === "nobody") return null;
    if (asker === "dead") return `Bearer ${cast.dead}`;
    if (asker === "newcomer") return `Bearer ${(await house.newcomer()).access}`;
    return `Bearer ${await house.tokenOf(cast[asker])}`;
  };

  return async (drawn: Drawn): Promise<Played> => {
    await happens(house, cast, drawn.before);
    const authorization = await authorizationOf(drawn);
    const body = bodyOf(drawn.body, nameless);
    const form = drawn.body.kind === "signed" ? drawn.body.form : null;
    const isQuery = form !== null && drawn.method === "GET";
    const contentType = form === null ? drawn.contentType : "application/x-www-form-urlencoded";
    const request: Ask = {
      method: drawn.method,
      path: isQuery ? `${nameless(drawn.path).split("?")[0]}?${form}` : nameless(drawn.path),
      headers: {
        ...drawn.headers,
        ...(authorization === null ? {} : { authorization }),
        ...(contentType === null || body === null ? {} : { "content-type": contentType }),
        ...(form === null ? {} : { "content-hmac": hmacOf(form) }),
      },
      body,
    };
    house.sky.weather = drawn.weather;
    const answer = await house.ask(request);
    house.sky.weather = "fine";
    await comesBack(house, cast, request, answer);
    return { request, answer, secrets: secretsIn(body) };
  };
};

const cursorOf = ({ invoiceId }: { readonly invoiceId: string }): string =>
  new TextEncoder().encode(invoiceId).toBase64({ alphabet: "base64url" });

const bodyOf = (drawn: DrawnBody, nameless: (text: string) => string): string | Uint8Array<ArrayBuffer> | null => {
  switch (drawn.kind) {
    case "none":
      return null;
    case "raw":
      return drawn.raw;
    case "signed":
      return drawn.form;
    case "object":
      return `{${drawn.members.map(([key, value]) => `${JSON.stringify(key)}:${nameless(value)}`).join(",")}}`;
  }
};

const secretsIn = (body: string | Uint8Array | null): readonly string[] =>
  typeof body !== "string"
    ? []
    : [...body.matchAll(/"(?:password|refreshToken|pass)":"((?:[^"\\]|\\.)*)"/g)].map(([, secret = ""]) => secret);

/** A request may have ended a session, or spent its token: its owner goes on with another, or the next ones were all refused. */
const comesBack = async (
  house: FuzzHouse,
  { anna, boris }: Cast,
  { path, headers }: Ask,
  answer: Answer,
): Promise<void> => {
  const people: readonly Person[] = [anna, boris];
  if (path.startsWith("/auth/api/v1/refresh") && answer.status === 200) {
    const renewed = signedIn(answer);
    const owner = people.find(({ accountId }) => accountId === renewed.accountId);
    if (owner !== undefined) Object.assign(owner, { access: renewed.accessToken, refresh: renewed.refreshToken });
  }
  if (!path.startsWith("/auth/api/v1/logout") || answer.status !== 204) return;
  const owner = people.find(({ access }) => headers?.["authorization"] === `Bearer ${access}`);
  if (owner !== undefined) await house.comesIn(owner);
};
