import { Elysia } from "elysia";
import { z } from "zod";
import type { AccountFault, LogInRefusal, SignedIn, SignUpRefusal } from "../../core/accounts/accounts.ts";
import type { Result } from "../../core/result.ts";
import { formatInstant, type Zone } from "../../core/time.ts";
import { zone } from "../wire/vocabulary.ts";
import { jsonBody } from "./body.ts";
import { members, retryAfter, unauthorized, visitors } from "./guards.ts";
import type { HttpPorts } from "./ports.ts";
import { type ProblemDetails, Refused, refusedByFault } from "./problems.ts";
import { instantView, problems } from "./schemas.ts";

const email = z
  .string()
  .min(1)
  .max(320)
  .meta({ examples: ["anna@example.com"] });
/** Any characters at all, but for halves of some; how long it must be the accounts decide. */
const password = z
  .string()
  .min(1)
  .max(1000)
  .refine((raw) => raw.isWellFormed(), { params: { code: "malformed_text" } })
  .meta({ examples: ["seven green bicycles"] });
const language = z.enum(["ru", "en"]);

const signUpBody = z
  .strictObject({
    email,
    password,
    pass: z.string().max(4096).optional().meta({
      description: "Reserved: the proof that a captcha was solved. Not looked at until the captcha API stands.",
    }),
    language: language.optional().meta({ description: "Of letters and receipts; that of Accept-Language if left out" }),
    zone: zone.optional().meta({ description: "IANA time zone; UTC if left out" }),
  })
  .meta({
    id: "SignUp",
    examples: [{ email: "anna@example.com", password: "seven green bicycles", zone: "Europe/Moscow" }],
  });
const logInBody = z
  .strictObject({ email, password })
  .meta({ id: "LogIn", examples: [{ email: "anna@example.com", password: "seven green bicycles" }] });
const refreshBody = z
  .strictObject({ refreshToken: z.string().min(1).max(1000) })
  .meta({ id: "Refresh", examples: [{ refreshToken: "5FbQ0c6m1nJYp3H2Zt8wXg" }] });

const signedInView = z
  .object({
    accountId: z.string(),
    tokenType: z.literal("Bearer"),
    accessToken: z.string().meta({ description: "For the header: `Authorization: Bearer …`" }),
    accessExpiresAt: instantView,
    refreshToken: z.string().meta({ description: "Good for one refresh; used twice it ends the session" }),
    refreshExpiresAt: instantView,
  })
  .meta({
    id: "SignedIn",
    examples: [
      {
        accountId: "acc_01h455vb4pex5vsknk084sn02q",
        tokenType: "Bearer",
        accessToken: "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhY2NfMDFoNDU1In0.c2lnbmF0dXJl",
        accessExpiresAt: "2026-01-31T09:15:00.000Z",
        refreshToken: "5FbQ0c6m1nJYp3H2Zt8wXg",
        refreshExpiresAt: "2026-02-14T09:00:00.000Z",
      },
    ],
  });
const accountView = z
  .object({ accountId: z.string(), email: z.string(), language, zone: z.string(), createdAt: instantView })
  .meta({
    id: "Account",
    examples: [
      {
        accountId: "acc_01h455vb4pex5vsknk084sn02q",
        email: "anna@example.com",
        language: "ru",
        zone: "Europe/Moscow",
        createdAt: "2026-01-31T09:00:00.000Z",
      },
    ],
  });

const described = (operationId: string, summary: string) => ({ operationId, summary, tags: ["Auth"] });

export const authRoutes = (ports: Pick<HttpPorts, "accounts" | "limits">) =>
  new Elysia({ prefix: "/auth/api/v1" }).use(signingIn(ports)).use(signedIn(ports));

const signingIn = ({ accounts, limits }: Pick<HttpPorts, "accounts" | "limits">) =>
  new Elysia()
    .use(visitors({ limits }))
    .post(
      "/sign-up",
      async ({ body, visit, status }) => {
        const asked = {
          email: body.email,
          password: body.password,
          language: body.language ?? visit.language,
          zone: body.zone ?? ("UTC" as Zone),
          address: visit.address,
        };
        return status(201, present(await accounts.signUp(asked)));
      },
      {
        parse: [jsonBody, "json"],
        body: signUpBody,
        response: { 201: signedInView, ...problems(400, 409, 413, 415, 422, 503) },
        detail: described("signUp", "Open an account and log in"),
      },
    )
    .post(
      "/login",
      async ({ body, visit, status }) =>
        status(200, present(await accounts.logIn({ ...body, address: visit.address }))),
      {
        parse: [jsonBody, "json"],
        body: logInBody,
        response: { 200: signedInView, ...problems(400, 401, 413, 415, 422, 503) },
        detail: described("logIn", "Log in"),
      },
    )
    .post("/refresh", async ({ body, status }) => status(200, present(await accounts.refresh(body.refreshToken))), {
      parse: [jsonBody, "json"],
      body: refreshBody,
      response: { 200: signedInView, ...problems(400, 401, 413, 415, 422, 503) },
      detail: described("refresh", "Spend a refresh token for new tokens"),
    });

const signedIn = ({ accounts, limits }: Pick<HttpPorts, "accounts" | "limits">) =>
  new Elysia()
    .use(members({ accounts, limits }))
    .post(
      "/logout",
      async ({ member }) => {
        const ended = await accounts.logOut(member.sessionId);
        if (!ended.ok) throw refusedByFault(ended.error);
        return new Response(null, { status: 204 });
      },
      {
        parse: "none",
        response: {
          204: z.null().meta({ description: "Both tokens are worth nothing any more" }),
          ...problems(401, 413, 503),
        },
        detail: { ...described("logOut", "End this session"), security: [{ bearer: [] }] },
      },
    )
    .get(
      "/me",
      async ({ member, status }) => {
        const account = await accounts.account(member.accountId);
        if (!account.ok) throw refusedByFault(account.error);
        if (account.value === null) throw unauthorized(true);
        const { accountId, email, language, zone, createdAt } = account.value;
        return status(200, { accountId, email, language, zone, createdAt: formatInstant(createdAt) });
      },
      {
        response: { 200: accountView, ...problems(401, 503) },
        detail: { ...described("me", "Who am I"), security: [{ bearer: [] }] },
      },
    );

type AccountRefusal = SignUpRefusal | LogInRefusal | { readonly code: "session_over" } | AccountFault;

const present = (signed: Result<SignedIn, AccountRefusal>) => {
  if (!signed.ok) throw refused(signed.error);
  const { accountId, accessToken, accessExpiresAt, refreshToken, refreshExpiresAt } = signed.value;
  return {
    accountId,
    tokenType: "Bearer" as const,
    accessToken,
    accessExpiresAt: formatInstant(accessExpiresAt),
    refreshToken,
    refreshExpiresAt: formatInstant(refreshExpiresAt),
  };
};

const refused = (refusal: AccountRefusal): Refused => {
  switch (refusal.code) {
    case "storage_unavailable":
    case "commit_unknown":
      return refusedByFault(refusal);
    case "too_many_requests":
      return new Refused(refusal.code, { headers: retryAfter(refusal.retryAfterMs) });
    case "malformed_email":
      return onField("/email", refusal.code);
    case "malformed_zone":
      return onField("/zone", refusal.code);
    case "password_too_short":
      return onField("/password", refusal.code, { facts: { atLeast: String(refusal.atLeast) } });
    case "password_too_long":
      return onField("/password", refusal.code, { facts: { atMost: String(refusal.atMost) } });
    case "wrong_credentials":
    case "session_over":
      return new Refused(refusal.code, { headers: { "www-authenticate": 'Bearer realm="matinee"' } });
    case "email_taken":
      return onField("/email", refusal.code);
  }
};

const onField = (pointer: string, code: AccountRefusal["code"], details: ProblemDetails = {}): Refused =>
  new Refused(code, { ...details, errors: [{ pointer, code }] });
