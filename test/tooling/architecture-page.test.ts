import { expect, test } from "bun:test";
import { pageComplaints, type Tree } from "./architecture-page.ts";
import { diagramsOf, readFlowchart } from "./flowchart.ts";

/** A house with one of everything, and its page. */
const TREE: Tree = {
  sources: {
    "src/core/invoice/decide.ts": "",
    "src/core/billing/billing.ts": 'import { decide } from "../invoice/decide.ts";',
    "src/core/ports/bus.ts": "",
    "src/core/ports/clock.ts": "",
    "src/core/ports/mail.ts": "",
    "src/adapters/embedded/bus.ts": 'import type { Bus } from "../../core/ports/bus.ts";',
    "src/adapters/http/app.ts": "",
    "src/entrypoints/standalone.ts": 'import type { Clock } from "../core/ports/clock.ts";',
    "src/entrypoints/config.ts": "",
  },
  paths: ["README.md", "src/core/invoice/decide.ts", "src/entrypoints/standalone.ts"],
  scripts: { start: "exec bun src/entrypoints/standalone.ts", bench: "bun bench/run.ts" },
};
const PAGE = `
Read [the first page](README.md), then \`invoice/decide.ts\`.

## Containers

\`\`\`mermaid
flowchart TB
  viewer(["Viewer"])
  subgraph machine["One machine"]
    process["standalone.ts, the process"]
  end
  database[("Database")]
  viewer -->|"HTTP"| process
  process -->|"SQL"| database
\`\`\`

## The billing box

\`\`\`mermaid
flowchart LR
  billing["billing/<br>executes"]
  invoice["invoice/<br>decides"]
  ports["ports/<br>of the outside"]
  outside["The outside"]
  billing -->|"decide"| invoice
  ports -->|"whatever answers"| outside
\`\`\`

## Adapters

| folder      | implements | outside |
| ----------- | ---------- | ------- |
| \`embedded/\` | \`bus\`      | nothing |
| \`http/\`     | none       | HTTP    |

## Ports without an adapter

| port    | answered by               |
| ------- | ------------------------- |
| \`clock\` | \`standalone.ts\`: the wall |
| \`mail\`  | nobody yet                |

## Entrypoints

| file            | started by  | is         |
| --------------- | ----------- | ---------- |
| \`standalone.ts\` | \`bun start\` | everything |
`;

test("a page that tells what the tree holds is left alone", () => {
  expect(pageComplaints(PAGE, TREE)).toEqual([]);
});

test.each([
  ["an adapter without a row", "| `http/`     | none       | HTTP    |\n", "", "the page lacks the adapter http"],
  ["a row without an adapter", "| `http/` ", "| `nats/` ", "the tree lacks the adapter nats"],
  ["an adapter with two rows", "| `http/` ", "| `embedded/` ", "the page has the adapter embedded twice"],
  ["a port that is no port", "| none ", "| `queue` ", "the tree lacks the port queue"],
  ["a port that nobody names", "| `bus` ", "| none ", "the page lacks the port bus"],
  ["a port of an adapter that does not know it", "| none ", "| `bus` ", "the adapter http does not know the port bus"],
  ["a port that has an adapter and has none", "| none ", "| `mail` ", "the page has the port mail twice"],
  [
    "a missing port that an adapter knows",
    "| `clock` | `standalone.ts`: the wall |",
    "| `bus` | nobody yet |",
    "an adapter knows the port bus",
  ],
  ["a port answered by who does not know it", "nobody yet ", "`config.ts` ", "config.ts does not know the port mail"],
  ["a table of adapters that is gone", "## Adapters", "## Others", "the page lacks the adapter embedded"],
  [
    "a started program without a row",
    "| `standalone.ts` | `bun start` | everything |\n",
    "",
    "the page lacks the entrypoint standalone.ts",
  ],
  [
    "a part of a program in the table of programs",
    "| `standalone.ts` | `bun",
    "| `config.ts` | `bun",
    "the tree lacks the entrypoint config.ts",
  ],
  ["a program under another script", "`bun start`", "`bun run bench`", "the script bench does not start standalone.ts"],
  [
    "a started program that is not drawn",
    "standalone.ts, the process",
    "The process",
    "the entrypoint standalone.ts is in no container",
  ],
  [
    "a program drawn in another section only",
    "## Containers",
    "## Context",
    "the entrypoint standalone.ts is in no container",
  ],
  ["a room that is not drawn", "invoice/<br>decides", "invoices decide", "the page lacks the room invoice"],
  ["a drawn room that is none", "The outside", "outside/<br>everything", "the tree lacks the room outside"],
  [
    "an arrow between rooms that is no import",
    "  billing -->",
    '  invoice -->|"asks"| billing\n  billing -->',
    "the room invoice does not import billing",
  ],
  ["a file that is not there", "`invoice/decide.ts`", "`invoice/evolve.ts`", "no file invoice/evolve.ts"],
  ["a file named by half a word", "`invoice/decide.ts`", "`voice/decide.ts`", "no file voice/decide.ts"],
  ["a link to nowhere", "(README.md)", "(READ.md)", "a link to READ.md"],
  ["an arrow to what is not declared", "| database\n", "| store\n", "store has no declaration above process --> store"],
  [
    "an arrow above the declaration",
    '  database[("Database")]\n  viewer',
    '  viewer -->|"SQL"| database\n  database[("Database")]\n  viewer',
    "database has no declaration above",
  ],
  ["an id declared twice", "  viewer([", '  process(["Viewer"])\n  viewer([', "process is declared twice"],
  [
    "a word of Mermaid's own as an id",
    "  viewer([",
    '  default(["Viewer"])\n  viewer([',
    "default is a word of Mermaid's own",
  ],
  ["an arrow that does not say what goes over it", '-->|"SQL"|', "-->", "no line of a diagram: process --> database"],
  ["a text without quotes", '[("Database")]', "[(Database)]", "no line of a diagram: database[(Database)]"],
  ["a text with a tag", '"Database"', '"<b>Database</b>"', "no line of a diagram: database"],
  ["a text that Mermaid takes for a list", '"Database"', '"1. Database"', "database bears a list"],
  ["a group that is not closed", "  end\n", "", "a group is not closed"],
  ["an end of nothing", "  viewer([", "  end\n  viewer([", "no line of a diagram: end"],
  ["another kind of diagram", "flowchart TB", "C4Context", 'a diagram begins with "C4Context"'],
  [
    "a node that nothing reaches",
    "  viewer([",
    '  passer(["Passer-by"])\n  viewer([',
    "no arrow goes to or from passer",
  ],
])("complains of %s", (_, right, wrong, complaint) => {
  const broken = PAGE.replace(right, wrong);
  expect(broken).not.toBe(PAGE);
  expect(pageComplaints(broken, TREE)).toContainEqual(expect.stringContaining(complaint));
});

test("complains of what was added to the tree and not to the page", () => {
  const sources = {
    ...TREE.sources,
    "src/adapters/nats/bus.ts": "",
    "src/core/gift/gift.ts": "",
    "src/core/ports/x.ts": "",
  };
  const scripts = { ...TREE.scripts, demo: "bun src/entrypoints/demo.ts" };
  expect(pageComplaints(PAGE, { ...TREE, sources, scripts })).toEqual([
    "the page lacks the adapter nats",
    "the page lacks the port x",
    "the page lacks the entrypoint demo.ts",
    "the entrypoint demo.ts is in no container",
    "the page lacks the room gift",
  ]);
});

const root = new URL("../..", import.meta.url).pathname;

const treeOf = async (): Promise<Tree> => {
  const sources: Record<string, string> = {};
  const paths = [...new Bun.Glob("*").scanSync(root), ...new Bun.Glob("{src,test,bench}/**/*").scanSync(root)];
  for (const path of paths) if (/^src\/.*\.ts$/.test(path)) sources[path] = await Bun.file(`${root}/${path}`).text();
  const { scripts }: { readonly scripts: Tree["scripts"] } = await Bun.file(`${root}/package.json`).json();
  return { sources, paths, scripts };
};

test("ARCHITECTURE.md tells what the tree holds", async () => {
  const page = await Bun.file(`${root}/ARCHITECTURE.md`).text();
  expect(pageComplaints(page, await treeOf())).toEqual([]);
  expect(diagramsOf(page).map((text) => readFlowchart(text).arrows.length > 5)).toEqual([true, true, true, true, true]);
});
