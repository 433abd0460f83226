import { Elysia } from "elysia";
import { type Html, html, pageResponse } from "./page.ts";
import type { HttpPorts } from "./ports.ts";
import type { Language } from "./problems.ts";
import { visitOf } from "./request.ts";
import { pageStyle } from "./style.ts";

const TEXTS = {
  en: {
    title: "Matinee",
    lead: "Subscription billing for online cinemas. Every step is an event, so each charge can be explained to the person who paid it.",
    docs: "API documentation",
    sandbox: "Payment sandbox",
    health: "Health",
    story: "A subscription, with curl",
    steps: {
      signUp: "Open an account and keep its token.",
      plans: "See what is on sale.",
      subscribe: "Subscribe. The answer holds the invoice.",
      pay: "Open the payment: the answer holds what the gateway's widget needs, and in the sandbox a page to click on.",
      access: "May I watch?",
      chain: "Why was I charged?",
    },
    footer: "Errors, limits and repeats are told at the top of the documentation.",
  },
  ru: {
    title: "Matinee",
    lead: "Биллинг подписок для онлайн-кинотеатра. Каждый шаг записан событием, поэтому любое списание можно объяснить тому, кто платил.",
    docs: "Документация API",
    sandbox: "Платёжная песочница",
    health: "Состояние",
    story: "Подписка с помощью curl",
    steps: {
      signUp: "Заведите аккаунт и сохраните токен.",
      plans: "Посмотрите, что продаётся.",
      subscribe: "Подпишитесь. В ответе будет счёт.",
      pay: "Откройте оплату: в ответе всё, что нужно виджету шлюза, а в песочнице — и страница, на которой можно заплатить.",
      access: "Можно ли смотреть?",
      chain: "За что с меня списали?",
    },
    footer: "Об ошибках, лимитах и повторах сказано в начале документации.",
  },
} as const satisfies Readonly<Record<Language, unknown>>;
type Step = keyof (typeof TEXTS)["en"]["steps"];

const detail = {
  tags: ["Pages"],
  responses: { 200: { description: "A page", content: { "text/html": { schema: { type: "string" as const } } } } },
};

/** Leads a person on: what this is, where the documentation is, and the whole story to copy. */
export const homeRoutes = ({ publicUrl, mounts }: Pick<HttpPorts, "publicUrl" | "mounts">) => {
  const page = ({ request }: { readonly request: Request }): Response => {
    const { language } = visitOf(request);
    return pageResponse({ language, title: TEXTS[language].title }, (nonce) => ({
      head: pageStyle(nonce),
      main: main(
        language,
        publicUrl(),
        mounts.map(({ prefix }) => prefix),
      ),
    }));
  };
  return new Elysia()
    .get("/", page, { detail: { ...detail, operationId: "home", summary: "Where to begin" } })
    .get("/index.html", page, { detail: { ...detail, operationId: "homeByName", summary: "The same" } });
};

const main = (language: Language, origin: string, sandboxes: readonly string[]): Html => {
  const texts = TEXTS[language];
  return html`<main>
<h1>${texts.title}</h1>
<p class="lead">${texts.lead}</p>
<ul class="links">
<li><a href="/docs">${texts.docs}</a></li>
${sandboxes.map((prefix) => html`<li><a href="${prefix}/">${texts.sandbox}</a></li>`)}
<li><a href="/health/ready">${texts.health}</a></li>
</ul>
<h2>${texts.story}</h2>
<ol>
${Object.entries(commandsAt(origin)).map(
  ([step, command]) => html`<li><p>${texts.steps[step as Step]}</p><pre tabindex="0"><code>${command}</code></pre></li>
`,
)}</ol>
<footer>${texts.footer}</footer>
</main>`;
};

/** Fit to be pasted one after another: a shell and curl, nothing else. */
const commandsAt = (origin: string): Readonly<Record<Step, string>> => {
  const post = (path: string, json: string, ...headers: readonly string[]): string =>
    [
      `curl -s ${origin}${path}`,
      ...["content-type: application/json", ...headers].map((header) => `  -H "${header}"`),
      `  -d '${json}'`,
    ].join(" \\\n");
  const get = (path: string): string => `curl -s ${origin}${path} -H "authorization: Bearer $TOKEN"`;
  const mine = "authorization: Bearer $TOKEN";
  const account = '{"email":"anna@example.com","password":"seven green bicycles","zone":"Europe/Moscow"}';
  return {
    signUp: `TOKEN=$(${post("/auth/api/v1/sign-up", account)} \\\n  | sed 's/.*"accessToken":"\\([^"]*\\)".*/\\1/')`,
    plans: `curl -s ${origin}/subscriptions/api/v1/plans`,
    subscribe: `INVOICE=$(${post("/subscriptions/api/v1/subscriptions", '{"plan":"premium","consent":true}', mine, "idempotency-key: my-first")} \\\n  | grep -o 'inv_[0-9a-z]*' | head -1); echo $INVOICE`,
    pay: post("/payments/api/v1/invoices/$INVOICE/pay", "{}", mine),
    access: get("/subscriptions/api/v1/access"),
    chain: get("/payments/api/v1/invoices/$INVOICE/events"),
  };
};
