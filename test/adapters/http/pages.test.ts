import { describe, expect, test } from "bun:test";
import { html } from "../../../src/adapters/http/page.ts";
import { openBoxOffice } from "./support/box-office.ts";

describe.each(["/", "/index.html"])("the first page, at %s", (path) => {
  test("leads on in the visitor's language, with commands for where it is served", async () => {
    const office = await openBoxOffice({ mounts: [{ prefix: "/sandbox/acme", fetch: () => new Response("") }] });
    const page = await office.ask("GET", path, { headers: { "accept-language": "ru" } });
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(page.text).toContain('<html lang="ru">');
    for (const link of ["/docs", "/sandbox/acme/", "/health/ready"]) expect(page.text).toContain(`<a href="${link}">`);
    expect(page.text).toContain("curl -s https://matinee.test/subscriptions/api/v1/plans");
    expect(page.text).toContain("Подпишитесь");
    expect((await office.ask("GET", path)).text).toContain("Subscribe.");
  });

  test("names no sandbox where none is mounted", async () => {
    expect((await (await openBoxOffice()).ask("GET", path)).text).not.toContain("Payment sandbox");
  });
});

test("the commands on the first page are right: each is asked, in its order, and answered", async () => {
  const office = await openBoxOffice();
  const { text } = await office.ask("GET", "/");
  const commands = [...text.matchAll(/<code>(.*?)<\/code>/gs)].map(([, command = ""]) => unescaped(command));
  const memory = { TOKEN: "", INVOICE: "" };
  const seen: number[] = [];
  for (const command of commands) {
    const filled = command.replaceAll("$TOKEN", memory.TOKEN).replaceAll("$INVOICE", memory.INVOICE);
    const [, path = ""] = /https:\/\/matinee\.test(\S+)/.exec(filled) ?? [];
    const [, raw] = /-d '([^']*)'/.exec(filled) ?? [];
    const headers = Object.fromEntries(
      [...filled.matchAll(/-H "([^:]+): ([^"]*)"/g)].map(([, name = "", value = ""]) => [name, value]),
    );
    const answer = await office.ask(raw === undefined ? "GET" : "POST", path, {
      headers,
      ...(raw === undefined ? {} : { raw }),
    });
    seen.push(answer.status);
    if (command.startsWith("TOKEN=")) memory.TOKEN = answer.json.accessToken;
    if (command.startsWith("INVOICE=")) memory.INVOICE = /inv_[0-9a-z]*/.exec(answer.text)?.[0] ?? "";
  }
  expect(seen).toEqual([201, 200, 201, 200, 200, 200]);
});

describe("a page", () => {
  test.each(["/", "/docs", "/problems/not_found"])(
    "%s runs nothing that does not bear its nonce, a new one each time",
    async (path) => {
      const office = await openBoxOffice();
      const ask = () => office.ask("GET", path, { headers: { accept: "text/html" } });
      const nonceOf = async () => {
        const { headers, text } = await ask();
        const policy = headers.get("content-security-policy") ?? "";
        const [, nonce = ""] = /script-src 'nonce-([^']+)'/.exec(policy) ?? [];
        expect(policy).toContain("default-src 'none'");
        expect(policy).not.toMatch(/unsafe|https?:|\*/);
        for (const [tag] of text.matchAll(/<(script|style)\b[^>]*>/g)) expect(tag).toContain(`nonce="${nonce}"`);
        expect(text).not.toMatch(/\son\w+=|\sstyle=|javascript:/);
        return nonce;
      };
      expect(await nonceOf()).not.toBe(await nonceOf());
    },
  );

  test("escapes what it shows", () => {
    expect(html`<p title="${'"><script>'}">${"<b>&'"}</p>${[html`<i>${1}</i>`]}`.html).toBe(
      '<p title="&#34;&#62;&#60;script&#62;">&#60;b&#62;&#38;&#39;</p><i>1</i>',
    );
  });
});

test.each([
  ["swagger-ui.css", "text/css; charset=utf-8"],
  ["swagger-ui-bundle.js", "text/javascript; charset=utf-8"],
  ["favicon-32x32.png", "image/png"],
])("the documentation's page finds %s here and not at somebody else's", async (file, contentType) => {
  const office = await openBoxOffice();
  expect((await office.ask("GET", "/docs")).text).toContain(`/docs/assets/${file}`);
  const asset = await office.ask("GET", `/docs/assets/${file}`);
  expect([asset.status, asset.headers.get("content-type")]).toEqual([200, contentType]);
  expect(asset.headers.get("cache-control")).toContain("max-age");
});

const unescaped = (text: string): string => text.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));
