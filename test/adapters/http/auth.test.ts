import { describe, expect, test } from "bun:test";
import { type BoxOffice, openBoxOffice, problemIn } from "./support/box-office.ts";

const ANNA = { email: "anna@example.com", password: "seven green bicycles" };
const signUp = (office: BoxOffice, over: Record<string, unknown> = {}, headers: Record<string, string> = {}) =>
  office.ask("POST", "/auth/api/v1/sign-up", { body: { ...ANNA, ...over }, headers });

describe("signing up", () => {
  test("opens an account and logs in", async () => {
    const office = await openBoxOffice();
    const answer = await signUp(office, { zone: "europe/moscow", pass: "not looked at" }, { "accept-language": "ru" });
    expect([answer.status, answer.json]).toEqual([
      201,
      {
        accountId: expect.stringMatching(/^acc_/),
        tokenType: "Bearer",
        accessToken: expect.any(String),
        accessExpiresAt: "2026-01-31T09:15:00.000Z",
        refreshToken: expect.any(String),
        refreshExpiresAt: "2026-02-01T09:00:00.000Z",
      },
    ]);
    const me = await office.ask("GET", "/auth/api/v1/me", { token: answer.json.accessToken });
    expect(me.json).toEqual({
      accountId: answer.json.accountId,
      email: ANNA.email,
      language: "ru",
      zone: "Europe/Moscow",
      createdAt: "2026-01-31T09:00:00.000Z",
    });
  });

  test.each([
    [{ email: "anna" }, 422, "malformed_email", "/email"],
    [{ password: "short" }, 422, "password_too_short", "/password"],
  ])("with %p is refused with %d and %s", async (over, status, code, pointer) => {
    const answer = await signUp(await openBoxOffice(), over);
    expect(problemIn(answer)).toMatchObject({ status, code, errors: [{ pointer, code }] });
    expect(answer.text).not.toContain(ANNA.password);
  });

  test("twice with one e-mail is refused", async () => {
    const office = await openBoxOffice();
    await signUp(office);
    expect(problemIn(await signUp(office))).toMatchObject({ status: 409, code: "email_taken" });
  });

  test("with a password that is too short says how long it must be", async () => {
    expect(problemIn(await signUp(await openBoxOffice(), { password: "short" })).facts).toEqual({ atLeast: "15" });
  });

  test("tells all that is wrong with the body, field by field, and never a value", async () => {
    const answer = await signUp(await openBoxOffice(), {
      email: 7,
      password: undefined,
      zone: "+03:00",
      language: "de",
      admin: true,
    });
    expect(problemIn(answer)).toMatchObject({
      code: "malformed_body",
      errors: [
        { pointer: "/email", code: "wrong_type" },
        { pointer: "/password", code: "missing" },
        { pointer: "/language", code: "unknown_value" },
        { pointer: "/zone", code: "unknown_zone" },
        { pointer: "/admin", code: "unknown_field" },
      ],
    });
  });
});

describe("logging in", () => {
  test("gives tokens to who knows the password, and one answer to all others", async () => {
    const office = await openBoxOffice();
    await signUp(office);
    const logIn = (body: unknown) => office.ask("POST", "/auth/api/v1/login", { body });
    expect((await logIn(ANNA)).status).toBe(200);
    const [wrong, nobody] = [await logIn({ ...ANNA, password: "x" }), await logIn({ ...ANNA, email: "b@example.com" })];
    expect(problemIn(wrong)).toMatchObject({ status: 401, code: "wrong_credentials" });
    expect({ ...nobody.json, requestId: "" }).toEqual({ ...wrong.json, requestId: "" });
    expect(wrong.headers.get("www-authenticate")).toBe('Bearer realm="matinee"');
  });

  test("too often is refused until a time that is told", async () => {
    const office = await openBoxOffice();
    const answer = await office.ask("POST", "/auth/api/v1/login", {
      body: { email: "hasty@example.com", password: "x" },
    });
    expect([problemIn(answer).code, answer.headers.get("retry-after")]).toEqual(["too_many_requests", "3"]);
  });
});

describe("a session", () => {
  test("goes on with a refresh token, once", async () => {
    const office = await openBoxOffice();
    const { refreshToken, token } = await office.newcomer();
    const refresh = () => office.ask("POST", "/auth/api/v1/refresh", { body: { refreshToken } });
    const next = await refresh();
    expect(next.status).toBe(200);
    expect(next.json.accessToken).not.toBe(token);
    expect(problemIn(await refresh())).toMatchObject({ status: 401, code: "session_over" });
  });

  test("ends with a log-out", async () => {
    const office = await openBoxOffice();
    const { token } = await office.newcomer();
    const out = await office.ask("POST", "/auth/api/v1/logout", { token });
    expect([out.status, out.text]).toEqual([204, ""]);
    expect(problemIn(await office.ask("POST", "/auth/api/v1/logout", { token })).code).toBe("unauthorized");
    expect((await office.ask("GET", "/auth/api/v1/me", { token })).status).toBe(401);
  });

  test.each([
    ["no token", undefined, 'Bearer realm="matinee"'],
    ["another scheme", "Basic YTpi", 'Bearer realm="matinee"'],
    ["two tokens", "Bearer a, Bearer b", 'Bearer realm="matinee"'],
    ["a token of nobody", "Bearer abc", 'Bearer realm="matinee", error="invalid_token"'],
  ])("is not there with %s", async (_, authorization, challenge) => {
    const office = await openBoxOffice();
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    const answer = await office.ask("GET", "/auth/api/v1/me", { headers });
    expect([problemIn(answer).code, answer.headers.get("www-authenticate")]).toEqual(["unauthorized", challenge]);
  });
});
