import { diagramsOf, type Flowchart, readFlowchart } from "./flowchart.ts";
import { importsOf, type Sources } from "./import-rules.ts";

/** What the page is held against. */
export type Tree = {
  /** Texts of `src`, by path from the repository's root. */
  readonly sources: Sources;
  /** Every path of the repository that a page may name. */
  readonly paths: readonly string[];
  readonly scripts: Readonly<Record<string, string>>;
};

/** Where ARCHITECTURE.md and the tree say different things. */
export const pageComplaints = (page: string, tree: Tree): readonly string[] => [
  ...diagramsOf(page).flatMap((text) => readFlowchart(text).complaints),
  ...adapterComplaints(page, tree),
  ...portComplaints(page, tree),
  ...entrypointComplaints(page, tree),
  ...roomComplaints(page, tree),
  ...nameComplaints(page, tree),
];

const adapterComplaints = (page: string, { sources }: Tree): readonly string[] => {
  const ports = portsOf(sources);
  const rows = adapterRows(page);
  const table = sameSet(
    "adapter",
    foldersOf(sources, "src/adapters"),
    rows.map(({ folder }) => folder),
  );
  const claims = rows.flatMap(({ folder, implemented }) =>
    implemented
      .filter((port) => ports.includes(port) && !importsPort(sources, `src/adapters/${folder}/`, port))
      .map((port) => `the adapter ${folder} does not know the port ${port}`),
  );
  return [...table, ...claims];
};

/** Each port stands in an adapter's row or among those that have none, and not in both. */
const portComplaints = (page: string, { sources }: Tree): readonly string[] => {
  const implemented = new Set(adapterRows(page).flatMap((row) => row.implemented));
  const others = tableOf(page, "Ports without an adapter").map(([port = "", by = ""]) => ({
    port: codeIn(port)[0],
    by,
  }));
  const named = [...implemented, ...others.map(({ port = "" }) => port)];
  const claims = others.flatMap(({ port = "", by }) => {
    const [file] = codeIn(by);
    if (file !== undefined && !importsPort(sources, `src/entrypoints/${file}`, port))
      return [`${file} does not know the port ${port}`];
    return file === undefined && importsPort(sources, "src/adapters/", port)
      ? [`an adapter knows the port ${port}, of which the page says: ${by}`]
      : [];
  });
  return [...sameSet("port", portsOf(sources), named), ...claims];
};

const entrypointComplaints = (page: string, { sources, scripts }: Tree): readonly string[] => {
  const rows = tableOf(page, "Entrypoints").map(([file = "", command = ""]) => ({
    file: codeIn(file)[0] ?? "",
    script: (codeIn(command)[0] ?? "").split(" ").at(-1) ?? "",
  }));
  const started = Object.values(scripts).flatMap(entrypointsIn);
  const drawn = labelsOf(page, "Containers").flatMap((label) => label.split(/<br>|[\s,]+/));
  return [
    ...sameSet(
      "entrypoint",
      [...new Set(started)],
      rows.map(({ file }) => file),
    ),
    ...rows
      .filter(({ file, script }) => !entrypointsIn(scripts[script] ?? "").includes(file))
      .map(({ file, script }) => `the script ${script} does not start ${file}`),
    ...rows.filter(({ file }) => sources[`src/entrypoints/${file}`] === undefined).map(({ file }) => `no file ${file}`),
    ...started.filter((file) => !drawn.includes(file)).map((file) => `the entrypoint ${file} is in no container`),
  ];
};
const entrypointsIn = (script: string): readonly string[] =>
  [...script.matchAll(/src\/entrypoints\/([\w-]+\.ts)/g)].map(([, file = ""]) => file);

/** Each room of the core is a node that begins with its name, and each arrow between rooms is an import. */
const roomComplaints = (page: string, { sources }: Tree): readonly string[] => {
  const charts = chartsOf(page, "The billing box");
  const drawn = charts.flatMap(({ labels }) => [...labels.values()].flatMap((label) => roomIn(label) ?? []));
  const arrows = charts.flatMap(({ labels, arrows: all }) =>
    all.flatMap(({ from, to }) => {
      const [asking, asked] = [roomIn(labels.get(from) ?? ""), roomIn(labels.get(to) ?? "")];
      if (asking === null || asked === null) return [];
      const imported = importsBelow(sources, `src/core/${asking}/`).some((path) => path.startsWith(`../${asked}/`));
      return imported ? [] : [`the room ${asking} does not import ${asked}`];
    }),
  );
  return [...sameSet("room", foldersOf(sources, "src/core"), drawn), ...arrows];
};
const roomIn = (label: string): string | null => /^([a-z-]+)\/<br>/.exec(label)?.[1] ?? null;

/** Whatever file the page names, in whole or by the end of its path, is there. */
const nameComplaints = (page: string, { paths }: Tree): readonly string[] => {
  const links = [...page.matchAll(/\]\(([^)#:]+)\)/g)].map(([, path = ""]) => path);
  const files = page.match(/[\w./-]+\.(?:ts|sql)\b/g) ?? [];
  return [
    ...links.filter((path) => !paths.includes(path)).map((path) => `a link to ${path}, which is not there`),
    ...[...new Set(files)]
      .filter((file) => !paths.some((path) => path === file || path.endsWith(`/${file}`)))
      .map((file) => `no file ${file}`),
  ];
};

type AdapterRow = { readonly folder: string; readonly implemented: readonly string[] };
const adapterRows = (page: string): readonly AdapterRow[] =>
  tableOf(page, "Adapters").map(([folder = "", implemented = ""]) => ({
    folder: (codeIn(folder)[0] ?? "").replace(/\/$/, ""),
    implemented: codeIn(implemented),
  }));

const sameSet = (kind: string, present: readonly string[], named: readonly string[]): readonly string[] => [
  ...present.filter((one) => !named.includes(one)).map((one) => `the page lacks the ${kind} ${one}`),
  ...named.filter((one) => !present.includes(one)).map((one) => `the tree lacks the ${kind} ${one}`),
  ...named.filter((one, i) => named.indexOf(one) !== i).map((one) => `the page has the ${kind} ${one} twice`),
];

const portsOf = (sources: Sources): readonly string[] =>
  Object.keys(sources).flatMap((path) => /^src\/core\/ports\/([\w-]+)\.ts$/.exec(path)?.[1] ?? []);
const foldersOf = (sources: Sources, under: string): readonly string[] => [
  ...new Set(Object.keys(sources).flatMap((path) => new RegExp(`^${under}/([\\w-]+)/`).exec(path)?.[1] ?? [])),
];
const importsBelow = (sources: Sources, prefix: string): readonly string[] =>
  Object.entries(sources).flatMap(([path, text]) => (path.startsWith(prefix) ? importsOf(text) : []));
const importsPort = (sources: Sources, prefix: string, port: string): boolean =>
  importsBelow(sources, prefix).some((path) => path.endsWith(`/core/ports/${port}.ts`));

const sectionOf = (page: string, title: string): string =>
  page.split(/^## /m).find((section) => section.startsWith(`${title}\n`)) ?? "";
const chartsOf = (page: string, title: string): readonly Flowchart[] =>
  diagramsOf(sectionOf(page, title)).map(readFlowchart);
const labelsOf = (page: string, title: string): readonly string[] =>
  chartsOf(page, title).flatMap(({ labels }) => [...labels.values()]);

/** Rows of the one table below a title, without head and rule. */
const tableOf = (page: string, title: string): readonly (readonly string[])[] =>
  sectionOf(page, title)
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .slice(2)
    .map((line) => line.split("|").slice(1, -1));
const codeIn = (cell: string): readonly string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);
