import { Elysia } from "elysia";
import type { SignedInAs } from "../../core/accounts/accounts.ts";
import { addressBucket } from "./addresses.ts";
import type { HttpPorts } from "./ports.ts";
import { Refused, refusedByFault } from "./problems.ts";
import { type Visit, visitOf } from "./request.ts";

/** Routes that anybody may ask: counted by address. */
export const visitors = ({ limits }: Pick<HttpPorts, "limits">) =>
  new Elysia().derive({ as: "scoped" }, async ({ request }): Promise<{ visit: Visit }> => {
    const visit = visitOf(request);
    await count(limits, visit, addressBucket(visit.address));
    return { visit };
  });

/** Routes of a person who has logged in. */
export const members = (ports: MemberPorts) =>
  new Elysia().derive({ as: "scoped" }, async ({ request }): Promise<{ visit: Visit; member: SignedInAs }> => {
    const visit = visitOf(request);
    return { visit, member: await memberOf(ports, request, visit) };
  });
type MemberPorts = Pick<HttpPorts, "limits" | "accounts">;

/** Who has logged in: counted by account, and by address while nobody knows whose request it is. Throws what to answer else. */
export const memberOf = async (
  { limits, accounts }: MemberPorts,
  request: Request,
  visit: Visit,
): Promise<SignedInAs> => {
  const token = bearerOf(request);
  const known = token === null ? null : await accounts.authenticate(token);
  if (known !== null && !known.ok) throw refusedByFault(known.error);
  const member = known?.value ?? null;
  if (member === null) {
    await count(limits, visit, addressBucket(visit.address));
    throw unauthorized(token !== null);
  }
  visit.accountId = member.accountId;
  await count(limits, visit, member.accountId);
  return member;
};

const bearerOf = (request: Request): string | null =>
  /^Bearer +([A-Za-z0-9._~+/-]{1,4096}=*)$/i.exec(request.headers.get("authorization") ?? "")?.[1] ?? null;

/** Source: RFC 6750, 3. */
export const unauthorized = (hadToken: boolean): Refused =>
  new Refused("unauthorized", {
    headers: { "www-authenticate": `Bearer realm="matinee"${hadToken ? ', error="invalid_token"' : ""}` },
  });

const count = async (limits: HttpPorts["limits"], visit: Visit, key: string): Promise<void> => {
  const taken = await limits.take("user_api", key);
  visit.taken = taken;
  if (!taken.ok) throw new Refused("too_many_requests", { headers: retryAfter(taken.retryAfterMs) });
};

export const retryAfter = (ms: number): Readonly<Record<string, string>> => ({
  "retry-after": String(Math.max(1, Math.ceil(ms / 1000))),
});
