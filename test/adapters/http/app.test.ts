import { describe, expect, test } from "bun:test";
import { Bug } from "../../../src/core/result.ts";
import { openBoxOffice, problemIn } from "./support/box-office.ts";

describe("a problem", () => {
  test("tells what went wrong inside without a word of the cause, which is logged", async () => {
    const cause = new Error("password hunter2 was refused");
    const office = await openBoxOffice({
      ready: async () => {
        throw cause;
      },
    });
    const answer = await office.ask("GET", "/health/ready");
    expect(problemIn(answer)).toMatchObject({ status: 500, code: "internal_error" });
    expect(answer.text).not.toContain("hunter2");
    expect(office.logged).toMatchObject([{ status: 500, problem: "internal_error", error: cause }]);
  });

  test("is told instead of an answer of ours that breaks its own schema", async () => {
    const office = await openBoxOffice({
      ready: async () => ({ ok: true, parts: { storage: 3 as unknown as string } }),
    });
    expect(problemIn(await office.ask("GET", "/health/ready")).code).toBe("internal_error");
    expect(office.logged[0]?.error).toBeInstanceOf(Error);
  });

  test("carries the caller's own request id, or one of ours when that would not fit a log line", async () => {
    const office = await openBoxOffice();
    const idOf = async (given: string) => {
      const answer = await office.ask("GET", "/nowhere", { headers: { "x-request-id": given } });
      return problemIn(answer).requestId;
    };
    expect(await idOf("job-7.retry_2")).toBe("job-7.retry_2");
    expect(await idOf("two words")).toMatch(/^[0-9a-f-]{36}$/);
    expect(await idOf("x".repeat(65))).toMatch(/^[0-9a-f-]{36}$/);
    expect(office.logged.map(({ requestId }) => requestId)[0]).toBe("job-7.retry_2");
  });

  test.each([
    ["", "Nothing is served here"],
    ["de", "Nothing is served here"],
    ["ru", "Такого адреса нет"],
    ["ru-RU,ru;q=0.9,en;q=0.8", "Такого адреса нет"],
    ["en;q=0.8, RU;q=0.7", "Nothing is served here"],
    ["fr, ru;q=0.1", "Такого адреса нет"],
    ["ru;q=0", "Nothing is served here"],
    ["ru;q=x", "Nothing is served here"],
  ])("has with Accept-Language %p the title %p", async (language, title) => {
    const office = await openBoxOffice();
    const answer = await office.ask("GET", "/nowhere", { headers: { "accept-language": language } });
    expect(problemIn(answer)).toMatchObject({ status: 404, code: "no_such_route", title });
  });
});

describe("at the door", () => {
  test("a process is ready when all of its parts are", async () => {
    expect((await (await openBoxOffice()).ask("GET", "/health/ready")).json).toMatchObject({ status: "ready" });
    const halting = await openBoxOffice({ ready: async () => ({ ok: false, parts: { storage: "not_ready" } }) });
    const answer = await halting.ask("GET", "/health/ready");
    expect([answer.status, answer.json]).toEqual([503, { status: "not_ready", parts: { storage: "not_ready" } }]);
    expect((await halting.ask("GET", "/health/live")).json).toEqual({ status: "live" });
  });

  test.each([
    "/admin",
    "/admin/api/v1/plans",
    "/metrics",
    "/.git/config",
    "/docs/assets/package.json",
    "/docs/assets/..%2f..%2fpackage.json",
  ])("%s is not served on the public port", async (path) => {
    const office = await openBoxOffice();
    expect(problemIn(await office.ask("GET", path)).code).toBe("no_such_route");
  });

  test("a wrong method is refused with those that the address takes", async () => {
    const office = await openBoxOffice();
    const answer = await office.ask("DELETE", "/subscriptions/api/v1/subscriptions");
    expect(problemIn(answer).code).toBe("method_not_allowed");
    expect(answer.headers.get("allow")).toBe("GET, POST, HEAD, OPTIONS");
    expect(problemIn(await office.ask("PATCH", "/health/live/")).code).toBe("method_not_allowed");
  });

  test("HEAD answers as GET does, without the body; OPTIONS tells the methods", async () => {
    const office = await openBoxOffice();
    const head = await office.ask("HEAD", "/health/live", { headers: { "x-request-id": "h-1" } });
    expect([head.status, head.text, head.headers.get("content-type")]).toEqual([
      200,
      "",
      "application/json;charset=utf-8",
    ]);
    expect(head.headers.get("x-request-id")).toBe("h-1");
    expect(head.headers.get("content-length")).toBe(String('{"status":"live"}'.length));
    expect((await office.ask("HEAD", "/nowhere")).status).toBe(404);
    expect((await office.ask("HEAD", "/auth/api/v1/login")).status).toBe(405);
    const options = await office.ask("OPTIONS", "/auth/api/v1/login");
    expect([options.status, options.headers.get("allow")]).toEqual([204, "POST, OPTIONS"]);
  });

  test("a HEAD of what is one's own is answered to its owner", async () => {
    const office = await openBoxOffice();
    const { token, accountId } = await office.newcomer();
    const mine = await office.ask("HEAD", "/auth/api/v1/me", { token });
    expect([mine.status, mine.headers.get("ratelimit")]).toEqual([200, '"user_api";r=119;t=60']);
    expect((await office.ask("HEAD", "/auth/api/v1/me")).status).toBe(401);
    expect(office.logged.slice(1)).toMatchObject([
      { method: "HEAD", status: 200, accountId },
      { method: "HEAD", status: 401, problem: "unauthorized" },
    ]);
  });

  test.each(["/health/live", "/nowhere", "/", "/docs", "/subscriptions/api/v1/plans"])(
    "every answer forbids to guess its type, to frame it and to tell where one came from: %s",
    async (path) => {
      const { headers } = await (await openBoxOffice()).ask("GET", path);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
      expect(headers.get("cache-control")).toBe("no-store");
    },
  );

  test("a Host that is none leaves no address to serve", async () => {
    const office = await openBoxOffice();
    const bent = new Proxy(new Request("http://localhost/health/live"), {
      get: (target, name) => (name === "url" ? "/health/live" : Reflect.get(target, name, target)),
    });
    expect((await office.app.fetch(bent)).status).toBe(400);
  });

  test("what is mounted answers below its prefix and nowhere else", async () => {
    const seen: string[] = [];
    const mounted = (request: Request): Response => {
      seen.push(new URL(request.url).pathname);
      return new Response("sandbox");
    };
    const office = await openBoxOffice({ mounts: [{ prefix: "/sandbox/acme", fetch: mounted }] });
    expect((await office.ask("POST", "/sandbox/acme/payments", { body: {} })).text).toBe("sandbox");
    expect((await office.ask("GET", "/sandbox/acme")).text).toBe("sandbox");
    expect((await office.ask("GET", "/sandbox/acmeish")).status).toBe(404);
    expect(seen).toEqual(["/sandbox/acme/payments", "/sandbox/acme"]);
  });

  test("each request is logged once, by its pattern and never its path", async () => {
    const office = await openBoxOffice();
    const { token, accountId } = await office.newcomer();
    const path = "/payments/api/v1/invoices/inv_01h455vb4pex5vsknk084sn02q";
    await office.ask("GET", path, { token });
    expect(office.logged).toHaveLength(2);
    const [, entry] = office.logged;
    expect(entry).toMatchObject({
      method: "GET",
      route: "/payments/api/v1/invoices/:id",
      status: 404,
      accountId,
      problem: "not_found",
    });
    expect(entry?.ms).toBeGreaterThanOrEqual(0);
    expect(JSON.stringify(office.logged)).not.toContain(token);
  });

  test("a Bug in a port is a 500, and the next request is answered", async () => {
    const office = await openBoxOffice({
      billingNow: async () => {
        throw new Bug("no clock");
      },
    });
    const { token } = await office.newcomer();
    expect(problemIn(await office.ask("GET", "/subscriptions/api/v1/access", { token })).code).toBe("internal_error");
    expect((await office.ask("GET", "/auth/api/v1/me", { token })).status).toBe(200);
  });
});

describe("limits", () => {
  test("a member has 120 requests a minute wherever he asks from, and is told what is left", async () => {
    const office = await openBoxOffice();
    const { token } = await office.newcomer();
    const first = await office.ask("GET", "/auth/api/v1/me", { token, from: "198.51.100.1" });
    expect(first.headers.get("ratelimit-policy")).toBe('"user_api";q=120;w=60');
    expect(first.headers.get("ratelimit")).toBe('"user_api";r=119;t=60');
    for (let i = 2; i <= 120; i += 1)
      expect((await office.ask("GET", "/auth/api/v1/me", { token, from: `198.51.100.${i}` })).status).toBe(200);
    const refused = await office.ask("GET", "/auth/api/v1/me", { token, from: "198.51.100.200" });
    expect(problemIn(refused)).toMatchObject({ status: 429, code: "too_many_requests" });
    expect(refused.headers.get("retry-after")).toBe("31");
    expect(refused.headers.get("ratelimit")).toBe('"user_api";r=0;t=60');
    const { token: other } = await office.newcomer();
    expect((await office.ask("GET", "/auth/api/v1/me", { token: other, from: "198.51.100.1" })).status).toBe(200);
  });

  test("the caller's address is asked for before the caller can have gone, but of readers whose token is good not at all", async () => {
    const office = await openBoxOffice();
    const { token } = await office.newcomer();
    const askedFor = async (method: string, path: string, headers: Readonly<Record<string, string>>) => {
      let [asked, isHandedOver] = [0, false];
      let atOnce = 0;
      const connection = {
        requestIP: () => {
          asked += 1;
          if (!isHandedOver) atOnce += 1;
          return { address: "198.51.100.7" };
        },
      };
      const answer = office.app.fetch(new Request(`http://localhost${path}`, { method, headers }), connection);
      isHandedOver = true;
      await answer;
      return { asked, atOnce };
    };
    const authorization = `Bearer ${token}`;
    for (const path of ["/subscriptions/api/v1/access", "/auth/api/v1/me"])
      expect(await askedFor("GET", path, { authorization })).toEqual({ asked: 0, atOnce: 0 });
    expect(await askedFor("GET", "/auth/api/v1/me", { authorization: "Bearer guess" })).toMatchObject({ asked: 1 });
    expect(await askedFor("GET", "/subscriptions/api/v1/plans", {})).toEqual({ asked: 1, atOnce: 1 });
    expect(await askedFor("POST", "/auth/api/v1/logout", { authorization })).toEqual({ asked: 1, atOnce: 1 });
  });

  test("who is not known is counted by address, and wrong tokens with it", async () => {
    const office = await openBoxOffice();
    for (let i = 0; i < 120; i += 1)
      expect((await office.ask("GET", "/auth/api/v1/me", { token: `guess-${i}`, from: "198.51.100.1" })).status).toBe(
        401,
      );
    const plans = "/subscriptions/api/v1/plans";
    expect((await office.ask("GET", plans, { from: "198.51.100.1" })).status).toBe(429);
    expect((await office.ask("GET", plans, { from: "198.51.100.2" })).status).toBe(200);
    expect((await office.ask("GET", "/health/live", { from: "198.51.100.1" })).status).toBe(200);
  });

  test("another address of the same household, and a made-up forwarded address, are the same caller", async () => {
    const office = await openBoxOffice({ trustedProxies: ["10.0.0.0/8"] });
    const plans = "/subscriptions/api/v1/plans";
    for (let i = 0; i < 120; i += 1)
      await office.ask("GET", plans, {
        from: `2001:db8:1:2::${i.toString(16)}`,
        headers: { "x-forwarded-for": `203.0.113.${i}` },
      });
    expect((await office.ask("GET", plans, { from: "2001:db8:1:2:ffff::1" })).status).toBe(429);
    const behind = { from: "10.1.2.3", headers: { "x-forwarded-for": "203.0.113.9, 2001:db8:1:2::99" } };
    expect((await office.ask("GET", plans, behind)).status).toBe(429);
  });
});
