import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { TEST_CARDS } from "../../../src/adapters/sandbox/gateway/cards.ts";
import { CARD, CODE, encodeIntent, MOUNT, openWorld } from "./merchant.ts";

type World = Awaited<ReturnType<typeof openWorld>>;
const formOf = async (world: World, over: object = {}): Promise<string> =>
  (await world.page(`/widget?intent=${world.intentOf(over)}`)).text();
/** Every tag of a page, as a browser would see them. */
const tagsOf = (markup: string): readonly string[] => {
  const tags: string[] = [];
  new HTMLRewriter()
    .on("*", {
      element: (element) => {
        tags.push(`${element.tagName} ${[...element.attributes].map(([name]) => name).join(" ")}`.trim());
      },
    })
    .transform(markup);
  return tags;
};

test("the form says what is paid, for what, and that no money moves", async () => {
  await using world = await openWorld();
  const shown = await formOf(world, { amount: 2.5 });
  expect(shown).toContain("2,50");
  expect(shown).toContain("Подписка");
  expect(shown).toContain("настоящие деньги не списываются");
  const english = await formOf(world, { amount: 1499.9, culture: "en-US" });
  expect(english).toContain('<html lang="en">');
  expect(english).toContain("1,499.90");
  expect(english).toContain("no real money moves");
});

test("every field has a label, and no browser is asked for a real card", async () => {
  await using world = await openWorld();
  const shown = await formOf(world);
  const fields = shown.match(/<(input|select)(?![^>]*type="hidden")[^>]*>/g) ?? [];
  expect(fields).toHaveLength(6);
  const labels = shown.match(/<label>[^<]+<(input|select)/g) ?? [];
  expect(labels).toHaveLength(fields.length);
  expect(fields.filter((field) => field.startsWith("<input") && !field.includes('autocomplete="off"'))).toEqual([]);
});

test("each test card fills the form without a script", async () => {
  await using world = await openWorld();
  const raw = world.intentOf();
  for (const { number } of TEST_CARDS) {
    const link = `${MOUNT}/widget?intent=${raw}&amp;card=${number}`.replace("&amp;", "&");
    expect(await formOf(world)).toContain(`href="${link}"`);
    const filled = await (await fetch(new URL(link, world.url))).text();
    expect(filled.replaceAll(" ", "")).toContain(`name="number"value="${number}"`);
  }
});

describe("a form that is filled in wrongly is shown again and pays nothing", () => {
  test.each([
    ["number", { number: "4000000000003056" }],
    ["number", { number: "4000 0000" }],
    ["number", { number: "<script>" }],
    ["expiry", { expiry: "13/30" }],
    ["expiry", { expiry: "soon" }],
    ["cvc", { cvc: "12" }],
    ["email", { email: "nobody" }],
  ])("%s in %j", async (field, form) => {
    await using world = await openWorld();
    const { pressed } = await world.press(CARD.good, { form });
    const shown = await pressed.text();
    expect(pressed.status).toBe(422);
    expect(shown).toContain(`id="${field}-wrong"`);
    expect(shown).toContain('aria-invalid="true"');
    expect(world.merchant.heard()).toEqual([]);
    expect(world.gateway.ledger.transactions()).toEqual([]);
  });
});

test("an e-mail is asked as the merchant wished", async () => {
  await using world = await openWorld();
  expect(await formOf(world, { emailBehavior: "Hidden" })).not.toContain('name="email"');
  expect(await formOf(world, { receiptEmail: "known@example.com" })).toContain('value="known@example.com"');
  const required = { emailBehavior: "Required" };
  expect((await world.press(CARD.good, { intent: required, form: { email: "" } })).pressed.status).toBe(422);
  const hidden = { emailBehavior: "Hidden", userInfo: { accountId: "acc_1", email: "own@example.com" } };
  const { transaction } = await world.pay(CARD.good, { intent: hidden, form: { email: "other@example.com" } });
  expect(transaction.email).toBe("own@example.com");
});

describe("an intent", () => {
  test.each([
    [{ publicTerminalId: "test_api_other" }, "publicTerminalId"],
    [{ amount: 0 }, "amount must be above zero"],
    [{ amount: 10.005 }, "amount must be above zero"],
    [{ amount: "1e9" }, "amount must be above zero"],
    [{ amount: null }, "amount must be above zero"],
    [{ currency: "XXX" }, "currency is unknown"],
    [{ currency: undefined }, "currency is unknown"],
    [{ paymentSchema: "Triple" }, "paymentSchema"],
    [{ userInfo: {} }, "accountId is needed"],
    [{ userInfo: { accountId: "a".repeat(255) } }, "accountId is needed"],
  ])("with %j is refused, on the page and when pressed", async (over, told) => {
    await using world = await openWorld();
    const opened = await world.page(`/widget?intent=${world.intentOf(over)}`);
    expect([opened.status, await opened.text()]).toEqual([400, expect.stringContaining(told)]);
    const fields = { key: "0".repeat(32), number: CARD.good, expiry: "12/39", cvc: "123" };
    const pressed = await world.submit("/widget/pay", { intent: world.intentOf(over), ...fields });
    expect(pressed.status).toBe(400);
    expect(world.gateway.ledger.transactions()).toEqual([]);
  });

  test.each(["", "!", "e30", "W10", "bnVsbA", "%00"])("that is %p is refused", async (raw) => {
    await using world = await openWorld();
    expect((await world.page(`/widget?intent=${raw}`)).status).toBe(400);
  });

  test("without an order number and an account is paid all the same", async () => {
    await using world = await openWorld();
    const bare = { externalId: undefined, userInfo: undefined, tokenize: undefined, description: undefined };
    const { transaction } = await world.pay(CARD.good, { intent: bare });
    expect(transaction).toMatchObject({ status: "Completed", invoiceId: null, accountId: null, token: null });
  });

  test("full of markup adds no tag to any page", async () => {
    await using world = await openWorld();
    const plain = tagsOf((await world.pay(CARD.good, { intent: { successRedirectUrl: "https://a.b/" } })).shown);
    const form = tagsOf(await formOf(world));
    const bank = tagsOf(await bankPage(world, {}));
    const hostile = fc.array(
      fc.constantFrom(
        "<script>alert(1)</script>",
        '"><img src=x onerror=1>',
        "'",
        "</main>",
        "&lt;",
        "]]>",
        "{{x}}",
        "-->",
      ),
      { minLength: 1, maxLength: 4 },
    );
    await fc.assert(
      fc.asyncProperty(hostile, async (parts) => {
        const text = parts.join("");
        const over = {
          description: text,
          externalId: text,
          userInfo: { accountId: text, email: text },
          metadata: { [text]: text },
        };
        expect(tagsOf(await formOf(world, over))).toEqual(form);
        expect(tagsOf(await bankPage(world, over))).toEqual(bank);
        const paid = await world.pay(CARD.good, { intent: { ...over, successRedirectUrl: `https://a.b/?${text}` } });
        expect(tagsOf(paid.shown)).toEqual(plain);
        const index = tagsOf(await (await world.page("/")).text());
        expect(index.filter((tag) => /script|img/.test(tag))).toEqual([]);
      }),
      { numRuns: 25 },
    );
  });

  test("can't make a link that runs a script", async () => {
    await using world = await openWorld();
    const { shown } = await world.pay(CARD.good, { intent: { successRedirectUrl: "javascript:alert(1)" } });
    expect(shown).not.toContain("javascript:");
  });
});

const bankPage = async (world: World, over: object): Promise<string> => {
  const { location } = await world.press(CARD.threeDs, { intent: over });
  return (await fetch(new URL(location, world.url))).text();
};

describe("headers", () => {
  test("a page runs only its own script and style, and is framed by its own origin alone", async () => {
    await using world = await openWorld();
    for (const path of [`/widget?intent=${world.intentOf()}`, "/widget?intent=", "/"]) {
      const page = await world.page(path);
      const [policy, markup] = [page.headers.get("content-security-policy") ?? "", await page.text()];
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'self'");
      for (const [, tag, text] of markup.matchAll(/<(script|style)>([\s\S]*?)<\/\1>/g))
        expect(policy).toContain(
          `${tag}-src 'sha256-${createHash("sha256")
            .update(text ?? "")
            .digest("base64")}'`,
        );
      expect(markup).not.toMatch(/ (style|onclick|src)=/);
      expect(page.headers.get("x-content-type-options")).toBe("nosniff");
      expect(page.headers.get("cache-control")).toBe("no-store");
    }
  });
});

describe("pressing pay", () => {
  test("twice at once, and once more, pays once", async () => {
    await using world = await openWorld();
    const intent = world.intentOf();
    const fields = { intent, key: "a".repeat(32), number: CARD.good, expiry: "12/39", cvc: "123", holder: "" };
    const both = await Promise.all([world.submit("/widget/pay", fields), world.submit("/widget/pay", fields)]);
    const third = await world.submit("/widget/pay", fields);
    expect(new Set([...both, third].map((one) => one.headers.get("location"))).size).toBe(1);
    expect(world.gateway.ledger.transactions()).toHaveLength(1);
    expect(world.merchant.heard("check")).toHaveLength(1);
  });

  test("leads to a result that can be loaded again", async () => {
    await using world = await openWorld();
    const { location } = await world.press(CARD.good);
    const load = async () => (await fetch(new URL(location, world.url))).text();
    expect(await load()).toBe(await load());
    expect(world.gateway.ledger.transactions()).toHaveLength(1);
  });

  test("without a key of the form, or with a foreign one at the bank, does nothing", async () => {
    await using world = await openWorld();
    const fields = { intent: world.intentOf(), number: CARD.good, expiry: "12/39", cvc: "123" };
    expect((await world.submit("/widget/pay", { ...fields, key: "x" })).status).toBe(400);
    expect((await world.submit("/widget/3ds", { key: "0".repeat(32), answer: "approve" })).status).toBe(400);
    expect(world.gateway.ledger.transactions()).toEqual([]);
  });

  test("ends with the merchant's page, and after a refusal with another try unless that was not wished", async () => {
    await using world = await openWorld();
    const urls = { successRedirectUrl: "https://shop.example/ok", failRedirectUrl: "https://shop.example/fail" };
    expect((await world.pay(CARD.good, { intent: urls })).shown).toContain('href="https://shop.example/ok"');
    const failed = (await world.pay(CARD.poor, { intent: urls })).shown;
    expect(failed).toContain('href="https://shop.example/fail"');
    expect(failed).toContain("Недостаточно средств на карте");
    expect(failed).toContain("Попробовать ещё раз");
    const once = await world.pay(CARD.poor, { intent: { ...urls, retryPayment: false } });
    expect(once.shown).not.toContain("Попробовать ещё раз");
  });

  test("in two stages holds the money", async () => {
    await using world = await openWorld();
    const { transaction, shown } = await world.pay(CARD.threeDs, { intent: { paymentSchema: "Dual" } });
    expect(transaction.status).toBe("Authorized");
    expect(shown).toContain("заблокирована");
  });

  test("tells the payer of an order that the merchant says is over", async () => {
    await using world = await openWorld();
    world.merchant.answers(() => CODE(20));
    expect((await world.pay(CARD.good)).shown).toContain("Срок оплаты истёк");
  });
});

describe("the script that a merchant's page loads", () => {
  /** As much of a browser's page as the script touches. */
  const openPage = async (world: World) => {
    const source = await (await world.page("/bundles/cloudpayments.js")).text();
    const listeners = new Set<(event: object) => void>();
    const frames: { src: string; contentWindow: object }[] = [];
    const went: string[] = [];
    const element = (name: string) => {
      const made = {
        style: {},
        src: "",
        contentWindow: {},
        append() {},
        remove() {},
        showModal() {},
        addEventListener() {},
      };
      if (name === "iframe") frames.push(made);
      return made;
    };
    const window: Browser = {
      addEventListener: (_: string, hear: (event: object) => void) => listeners.add(hear),
      removeEventListener: (_: string, hear: (event: object) => void) => listeners.delete(hear),
    };
    const document = {
      currentScript: { src: `${world.url}/bundles/cloudpayments.js?v=1` },
      createElement: element,
      body: { append() {} },
    };
    new Function("window", "document", "location", source)(window, document, { assign: (to: string) => went.push(to) });
    const Cp = window.cp?.CloudPayments;
    if (Cp === undefined) throw new Error("cp.CloudPayments is not defined");
    const say = (data: object, origin = new URL(world.url).origin) => {
      for (const hear of [...listeners]) hear({ data, origin, source: frames.at(-1)?.contentWindow });
    };
    return { Cp, frames, say, went, listeners };
  };
  type Browser = {
    cp?: { CloudPayments: new (settings?: object) => Widget };
    addEventListener(name: string, hear: (event: object) => void): void;
    removeEventListener(name: string, hear: (event: object) => void): void;
  };
  type Handlers = { onSuccess?: (options: object) => void; onFail?: (reason: string, options: object) => void };
  type Widget = {
    oncomplete: ((result: object) => void) | null;
    start(parameters: object): Promise<object>;
    pay(type: string, options: object, handlers?: Handlers): Promise<object>;
  };
  const PAID = { type: "payment", status: "success", data: { transactionId: 3_000_000_001 } };

  test("opens the form with the parameters as they were given, and answers how it ended", async () => {
    await using world = await openWorld();
    const { Cp, frames, say, went, listeners } = await openPage(world);
    const parameters = {
      publicTerminalId: world.gateway.publicId,
      paymentSchema: "Single",
      amount: 499,
      currency: "RUB",
      description: "Подписка «Всё» ✓",
      successRedirectUrl: "https://shop.example/ok",
    };
    const widget = new Cp();
    const heard: object[] = [];
    widget.oncomplete = (result) => heard.push(result);
    const result = widget.start(parameters);
    expect(frames[0]?.src).toBe(`${world.url}/widget?intent=${encodeIntent(parameters)}`);
    expect(await (await fetch(frames[0]?.src ?? "")).text()).toContain("Подписка «Всё» ✓");
    say({ ...PAID, data: { transactionId: 1 } }, "https://evil.example");
    say(PAID);
    say({ type: "close" });
    expect(await result).toEqual(PAID);
    expect(heard).toEqual([PAID]);
    expect(went).toEqual(["https://shop.example/ok"]);
    expect(listeners.size).toBe(0);
  });

  test("answers a window that was closed with a cancel", async () => {
    await using world = await openWorld();
    const { Cp, say, went } = await openPage(world);
    const result = new Cp().start({ failRedirectUrl: "https://shop.example/fail" });
    say({ type: "close" });
    expect(await result).toEqual({ type: "cancel" });
    expect(went).toEqual([]);
  });

  test("understands the older call", async () => {
    await using world = await openWorld();
    const { Cp, frames, say } = await openPage(world);
    const options = {
      publicId: world.gateway.publicId,
      description: "Подписка",
      amount: 499,
      currency: "RUB",
      invoiceId: "att_1",
      accountId: "acc_1",
      data: { order: 1 },
    };
    const told: unknown[] = [];
    const handlers: Handlers = { onSuccess: () => told.push("success"), onFail: (reason) => told.push(reason) };
    const paid = new Cp({ language: "en-US" }).pay("charge", options, handlers);
    const raw = new URL(frames[0]?.src ?? "").searchParams.get("intent") ?? "";
    expect(JSON.parse(Buffer.from(raw, "base64url").toString())).toMatchObject({
      publicTerminalId: world.gateway.publicId,
      paymentSchema: "Single",
      externalId: "att_1",
      userInfo: { accountId: "acc_1" },
      metadata: { order: 1 },
      culture: "en-US",
    });
    expect((await fetch(frames[0]?.src ?? "")).status).toBe(200);
    say(PAID);
    say({ type: "close" });
    await paid;
    const declined = new Cp().pay("auth", options, handlers);
    say({ type: "payment", status: "fail", message: "Declined", data: {} });
    say({ type: "close" });
    await declined;
    expect(told).toEqual(["success", "Declined"]);
  });

  test("is told by the result page what start() comes to, and by nobody's page but its own", async () => {
    await using world = await openWorld();
    const messages: unknown[] = [];
    const run = (shown: string, framed: boolean) => {
      const source = /<script>([\s\S]*)<\/script>/.exec(shown)?.[1] ?? "";
      const result = /data-result="([^"]*)"/.exec(shown)?.[1]?.replaceAll("&quot;", '"');
      const window: { parent?: object } = {};
      window.parent = framed ? { postMessage: (message: object, to: string) => messages.push([message, to]) } : window;
      const document = {
        querySelector: () => ({ dataset: { result } }),
        querySelectorAll: () => [],
        addEventListener: () => {},
      };
      new Function("window", "document", "location", source)(window, document, { origin: "http://own.example" });
    };
    const { shown, transaction } = await world.pay(CARD.good);
    run(shown, false);
    expect(messages).toEqual([]);
    run(shown, true);
    const failed = await world.pay(CARD.poor);
    run(failed.shown, true);
    expect(messages).toEqual([
      [{ type: "payment", status: "success", data: { transactionId: transaction.id } }, "http://own.example"],
      [
        {
          type: "payment",
          status: "fail",
          data: { transactionId: failed.transaction.id, ReasonCode: 5051 },
          message: "Недостаточно средств на карте",
        },
        "http://own.example",
      ],
    ]);
  });
});
