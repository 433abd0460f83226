import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type AnyElysia, Elysia } from "elysia";
import { z } from "zod";
import { type OpenApi, openApiOf, partOf } from "./openapi.ts";
import { html, pageResponse } from "./page.ts";
import { Refused } from "./problems.ts";
import { visitOf } from "./request.ts";

/** Of the documentation page's package only what the page loads. */
const ASSETS = {
  "swagger-ui.css": ["text/css; charset=utf-8", () => import.meta.resolve("swagger-ui-dist/swagger-ui.css")],
  "swagger-ui-bundle.js": [
    "text/javascript; charset=utf-8",
    () => import.meta.resolve("swagger-ui-dist/swagger-ui-bundle.js"),
  ],
  "favicon-32x32.png": ["image/png", () => import.meta.resolve("swagger-ui-dist/favicon-32x32.png")],
} as const satisfies Readonly<Record<string, readonly [contentType: string, address: () => string]>>;
const isAsset = (file: string): file is keyof typeof ASSETS => Object.hasOwn(ASSETS, file);

const pages = (contentType: string) => ({
  tags: ["Pages"],
  responses: { 200: { description: "As asked for", content: { [contentType]: { schema: {} } } } },
});

const ASSET_DETAIL = {
  tags: ["Pages"],
  responses: {
    200: {
      description: "As asked for",
      content: Object.fromEntries(
        Object.values(ASSETS).map(([contentType]) => [contentType.split(";")[0] ?? contentType, { schema: {} }]),
      ),
    },
    404: { description: "The page loads no such file" },
  },
};

/**
 * The documentation of all routes, as JSON and as a page.
 * @param whole the application, with all of its routes once it has been put together
 */
export const docsRoutes = (whole: () => AnyElysia) => {
  let made: OpenApi | null = null;
  let madeOfBus: object | null = null;
  /** Few ask for it, and a start should not wait for it. */
  const bus = async (): Promise<object> => {
    madeOfBus ??= (await import("../wire/asyncapi.ts")).asyncApi();
    return madeOfBus;
  };
  const document = (): OpenApi => {
    made ??= openApiOf(whole());
    return made;
  };
  return new Elysia()
    .get("/docs", ({ request }) => docsPage(visitOf(request).language), {
      detail: { ...pages("text/html"), operationId: "docs", summary: "This documentation, as a page" },
    })
    .get("/docs/json", () => Response.json(document()), {
      detail: { ...pages("application/json"), operationId: "docsJson", summary: "This documentation, as OpenAPI 3.1" },
    })
    .get("/docs/asyncapi", async () => Response.json(await bus()), {
      detail: {
        ...pages("application/json"),
        operationId: "docsAsyncapi",
        summary: "What other services send and hear over the bus, as AsyncAPI 3",
      },
    })
    .get("/subscriptions/api/openapi", () => Response.json(partOf(document(), "/subscriptions/api/v1")), {
      detail: {
        ...pages("application/json"),
        operationId: "subscriptionsOpenapi",
        summary: "The Subscriptions API alone, as OpenAPI 3.1",
      },
    })
    .get("/docs/assets/:file", ({ params: { file } }) => asset(file), {
      params: z.object({ file: z.string().meta({ examples: ["swagger-ui.css"] }) }),
      detail: { ...ASSET_DETAIL, operationId: "docsAsset", summary: "What the page loads" },
    });
};

const asset = async (file: string): Promise<Response> => {
  if (!isAsset(file)) throw new Refused("no_such_route");
  const [contentType, address] = ASSETS[file];
  const bytes = loaded.get(file) ?? readFile(fileURLToPath(address()));
  loaded.set(file, bytes);
  return new Response(await bytes, {
    headers: { "content-type": contentType, "cache-control": "public, max-age=86400" },
  });
};
const loaded = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();

const docsPage = (language: string): Response =>
  pageResponse(
    {
      language,
      title: "Matinee API",
      allow: { "style-src": "'self'", "img-src": "'self' data:", "connect-src": "'self'" },
    },
    (nonce) => ({
      head: html`<link rel="icon" href="/docs/assets/favicon-32x32.png">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<style nonce="${nonce}">:root { color-scheme: light; } body { margin: 0; background: #fafafa; }</style>`,
      main: html`<div id="docs"></div>
<script nonce="${nonce}" src="/docs/assets/swagger-ui-bundle.js"></script>
<script nonce="${nonce}">SwaggerUIBundle({ url: "/docs/json", dom_id: "#docs", deepLinking: true, persistAuthorization: false });</script>`,
    }),
  );
