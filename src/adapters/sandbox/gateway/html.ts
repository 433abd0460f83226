import { createHash } from "node:crypto";

/** Text that is markup. Only `html` makes it, out of its literal and of what it has escaped. */
export type Html = { readonly markup: string };
type Part = string | number | null | Html | readonly Html[];

/** Markup around values. Everything that is not markup already is escaped; null is nothing. */
export const html = (literals: TemplateStringsArray, ...parts: readonly Part[]): Html => ({
  markup: literals.reduce((done, literal, place) => done + printed(parts[place - 1] ?? null) + literal),
});

const printed = (part: Part): string => {
  if (part === null) return "";
  if (typeof part === "string" || typeof part === "number") return escaped(String(part));
  return "markup" in part ? part.markup : part.map(({ markup }) => markup).join("");
};

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => ESCAPES[character] ?? "");

export type Page = {
  readonly language: string;
  readonly title: string;
  readonly body: Html;
  /** Run by the page; the same for every page that has one. */
  readonly script?: string;
  readonly status?: number;
};

/** A page that loads nothing and runs nothing but what is in it. It may be framed by pages of its own origin. */
export const pageResponse = ({ language, title, body, script = "", status = 200 }: Page): Response => {
  const head = html`<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>${title}</title>`;
  const markup = [
    `<!doctype html><html lang="${escaped(language)}"><head>${head.markup}<style>${STYLE}</style></head>`,
    `<body>${body.markup}${script === "" ? "" : `<script>${script}</script>`}</body></html>`,
  ].join("\n");
  const policy = [
    "default-src 'none'",
    `style-src '${hashOf(STYLE)}'`,
    `script-src ${script === "" ? "'none'" : `'${hashOf(script)}'`}`,
    "form-action 'self'",
    "frame-ancestors 'self'",
    "base-uri 'none'",
  ].join("; ");
  return new Response(markup, {
    status,
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": policy,
      "X-Content-Type-Options": "nosniff",
      "Cache-Control": "no-store",
      // The address of a page holds the intent or the key of a payment.
      "Referrer-Policy": "no-referrer",
    },
  });
};

const hashOf = (text: string): string => `sha256-${createHash("sha256").update(text).digest("base64")}`;

const STYLE = `
:root { color-scheme: light dark; --paper: #fff; --desk: #eef1f4; --ink: #17212b; --faint: #5a6775; --line: #cdd5dd;
  --accent: #0b6e63; --on-accent: #fff; --warn: #fff3d1; --on-warn: #5b4300; --bad: #b3261e; --good: #146c2e; }
@media (prefers-color-scheme: dark) { :root { --paper: #1b232c; --desk: #10161c; --ink: #e8edf2; --faint: #9fb0c0;
  --line: #3a4754; --accent: #5fd0bf; --on-accent: #06201c; --warn: #3d3212; --on-warn: #ffe29a; --bad: #ff9a92; --good: #8fdba3; } }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; background: var(--desk); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 27rem; margin: 0 auto; padding: 1.25rem; background: var(--paper); min-height: 100vh; }
main.wide { max-width: 62rem; }
@media (min-width: 30rem) { main { margin: 1.5rem auto; min-height: 0; border-radius: 14px; box-shadow: 0 2px 18px #0002; } }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .75rem 0 .25rem; }
h2 { font-size: 1.1rem; margin: 1.75rem 0 .5rem; }
p { margin: .5rem 0; }
.sandbox { background: var(--warn); color: var(--on-warn); border-radius: 8px; padding: .5rem .75rem; margin: 0; font-size: .9rem; }
.faint { color: var(--faint); }
.amount { font-size: 2rem; font-weight: 650; margin: .25rem 0 .75rem; }
label { display: block; margin: .75rem 0 0; font-size: .9rem; color: var(--faint); }
input, select { width: 100%; margin-top: .2rem; padding: .6rem .7rem; font: inherit; color: var(--ink); background: var(--paper);
  border: 1px solid var(--line); border-radius: 8px; }
input[aria-invalid="true"] { border-color: var(--bad); }
.wrong { color: var(--bad); font-size: .9rem; margin: .25rem 0 0; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .75rem; }
button, .button { display: inline-block; padding: .65rem 1rem; font: inherit; font-weight: 600; text-align: center; text-decoration: none;
  border: 1px solid var(--accent); border-radius: 8px; background: var(--accent); color: var(--on-accent); cursor: pointer; }
.quiet { background: transparent; color: var(--accent); }
.actions { display: grid; gap: .6rem; margin-top: 1.25rem; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
details { margin-top: 1rem; border-top: 1px solid var(--line); padding-top: .75rem; }
summary { cursor: pointer; color: var(--accent); }
ul.cards { list-style: none; margin: .5rem 0; padding: 0; display: grid; gap: .35rem; }
ul.cards a { display: block; padding: .45rem .6rem; border: 1px solid var(--line); border-radius: 8px; color: var(--ink); text-decoration: none; }
ul.cards small { display: block; color: var(--faint); }
.state { font-size: 1.35rem; font-weight: 650; margin: 1rem 0 .25rem; }
.good { color: var(--good); } .bad { color: var(--bad); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
td.sum { text-align: right; font-variant-numeric: tabular-nums; }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere; }
`;
