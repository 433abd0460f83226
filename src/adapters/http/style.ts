import { type Html, html } from "./page.ts";

/** How our few plain pages look, in light and dark. */
export const pageStyle = (nonce: string): Html => html`<style nonce="${nonce}">
:root { --ink: #1c1a17; --soft: #6b645a; --paper: #faf7f2; --card: #ffffff; --line: #e5ddd0; --accent: #a3262a; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #f1ece3; --soft: #a89f92; --paper: #171513; --card: #211e1b; --line: #393430; --accent: #f08a83; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 17px/1.6 system-ui, sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: 4rem 1.25rem; }
h1 { font: 600 clamp(2.2rem, 6vw, 3.2rem)/1.1 Georgia, "Times New Roman", serif; margin: 0 0 .6rem; letter-spacing: -.01em; }
h2 { font: 600 1.25rem/1.3 Georgia, "Times New Roman", serif; margin: 2.6rem 0 .6rem; }
.lead { font-size: 1.15rem; color: var(--soft); margin: 0 0 2rem; }
.links { display: flex; flex-wrap: wrap; gap: .75rem; padding: 0; margin: 0; list-style: none; }
.links a { display: block; padding: .6rem 1.1rem; border: 1px solid var(--line); border-radius: .6rem; background: var(--card); }
a { color: var(--accent); text-underline-offset: .2em; }
.links a { text-decoration: none; font-weight: 600; }
a:focus-visible, pre:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
ol { padding-left: 1.3rem; }
li > p { margin: .9rem 0 .4rem; }
pre { margin: 0; padding: .9rem 1rem; border: 1px solid var(--line); border-radius: .6rem; background: var(--card); overflow-x: auto; font: .85rem/1.55 ui-monospace, monospace; }
code { font-family: ui-monospace, monospace; font-size: .95em; }
footer { margin-top: 3rem; color: var(--soft); font-size: .95rem; }
</style>`;
