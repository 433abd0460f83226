import { Elysia } from "elysia";
import { z } from "zod";
import { problem } from "../wire/problems.ts";
import { html, pageResponse } from "./page.ts";
import { isProblemCode, type Language, Refused, statusOf, titleOf } from "./problems.ts";
import { visitOf } from "./request.ts";
import { inLanguage } from "./schemas.ts";
import { pageStyle } from "./style.ts";

/** What a status means to the caller. A problem with another one has no page until it is told here. */
const MEANINGS: Readonly<Record<number, readonly [en: string, ru: string]>> = {
  400: [
    "The request cannot be read. Mend it; the same again will do no better.",
    "Запрос не читается. Исправьте его: такой же запрос снова не пройдёт.",
  ],
  401: [
    "It is not known who asks. Log in, or refresh your token.",
    "Неизвестно, кто спрашивает. Войдите или обновите токен.",
  ],
  403: ["It is known who asks, and that person may not do this.", "Известно, кто спрашивает, но этого ему нельзя."],
  404: [
    "There is no such thing, or it is somebody else's: the two look the same.",
    "Такого нет, или оно чужое: снаружи это одно и то же.",
  ],
  405: [
    "The address is right and the method is not; `Allow` names those that are.",
    "Адрес верный, метод нет; подходящие названы в `Allow`.",
  ],
  409: [
    "The request is right, but the world is not as it needs it. Look at the state; it may do later.",
    "Запрос верен, но состояние сейчас не то. Посмотрите на него; позже может получиться.",
  ],
  413: ["The body is larger than 64 KiB.", "Тело запроса больше 64 КиБ."],
  415: [
    "Bodies are JSON in UTF-8, and `Content-Type` says so.",
    "Тело запроса — JSON в UTF-8, и это сказано в `Content-Type`.",
  ],
  422: [
    "The request itself can never do. `errors` and `facts` say what to change.",
    "Такой запрос не пройдёт никогда. Что изменить, сказано в `errors` и `facts`.",
  ],
  429: [
    "You ask too often. Wait for `Retry-After` seconds.",
    "Вы спрашиваете слишком часто. Подождите `Retry-After` секунд.",
  ],
  500: [
    "It is our fault, and it has been logged under the request's id.",
    "Это наша ошибка, она записана под номером запроса.",
  ],
  503: [
    "We could not tell. Ask again with the same `Idempotency-Key` after `Retry-After` seconds: nothing is done twice.",
    "Мы не смогли узнать. Повторите с тем же `Idempotency-Key` через `Retry-After` секунд: дважды ничего не сделается.",
  ],
};

const pageView = z
  .object({ type: z.string(), code: z.string(), status: z.int(), title: z.string(), meaning: z.string() })
  .meta({
    id: "ProblemPage",
    examples: [
      {
        type: "/problems/invoice_paid",
        code: "invoice_paid",
        status: 409,
        title: "The invoice has been paid already",
        meaning: "The request is right, but the world is not as it needs it. Look at the state; it may do later.",
      },
    ],
  });

/** Where the `type` of a problem leads. */
export const problemPages = () =>
  new Elysia().get(
    "/problems/:code",
    ({ params: { code }, request, status }) => {
      const { language } = visitOf(request);
      const page = explained(code, language);
      if (page === null) throw new Refused("no_such_route");
      if (!(request.headers.get("accept") ?? "").includes("text/html")) return status(200, page);
      return pageResponse({ language, title: page.title }, (nonce) => ({
        head: pageStyle(nonce),
        main: html`<main>
<h1>${page.title}</h1>
<p class="lead"><code>${page.code}</code> · HTTP ${page.status}</p>
<p>${page.meaning}</p>
<ul class="links"><li><a href="/docs">${inLanguage(language, "Документация API", "API documentation")}</a></li></ul>
</main>`,
      }));
    },
    {
      params: z.object({ code: z.string().meta({ examples: ["invoice_paid"] }) }),
      response: { 200: pageView, 404: problem },
      detail: {
        operationId: "explainProblem",
        summary: "What a problem means; as a page where the caller takes HTML",
        tags: ["Pages"],
        responses: { 200: { description: "What it means", content: { "text/html": { schema: { type: "string" } } } } },
      },
    },
  );

const explained = (code: string, language: Language): z.output<typeof pageView> | null => {
  if (!isProblemCode(code)) return null;
  const status = statusOf(code);
  const meaning = MEANINGS[status];
  if (meaning === undefined) return null;
  const [en, ru] = meaning;
  return {
    type: `/problems/${code}`,
    code,
    status,
    title: titleOf(code, language),
    meaning: inLanguage(language, ru, en),
  };
};
