/** One diagram of a page, in the small part of Mermaid that our pages keep to. */
export type Flowchart = {
  /** Text of each node and each group, by id. */
  readonly labels: ReadonlyMap<string, string>;
  readonly arrows: readonly Arrow[];
  readonly complaints: readonly string[];
};
export type Arrow = { readonly from: string; readonly to: string; readonly label: string };

/** Words of Mermaid's own: as the id of a node they break the diagram, some of them only in some renderers. */
const RESERVED: ReadonlySet<string> = new Set(
  "call class classDef click default direction end flowchart graph href linkStyle style subgraph".split(" "),
);
/** A line break is the only tag; a quote, `#`, `;` or backtick would begin something else. */
const TEXT = /"((?:[^"#;`<>]|<br>)+)"/.source;
const NODE = new RegExp(`^(\\w+)(?:\\[${TEXT}\\]|\\(\\[${TEXT}\\]\\)|\\[\\(${TEXT}\\)\\])$`);
const GROUP = new RegExp(`^subgraph (\\w+)\\[${TEXT}\\]$`);
const ARROW = new RegExp(`^(\\w+) -->\\|${TEXT}\\| (\\w+)$`);

/** The texts of all Mermaid blocks of a page. */
export const diagramsOf = (page: string): readonly string[] =>
  [...page.matchAll(/^```mermaid\n([\s\S]*?)^```$/gm)].map(([, text = ""]) => text);

/** Reads line by line: what an arrow joins must have been declared above it, and every arrow says what goes over it. */
export const readFlowchart = (text: string): Flowchart => {
  const [head = "", ...lines] = text.trimEnd().split("\n");
  const labels = new Map<string, string>();
  const groups = new Set<string>();
  const arrows: Arrow[] = [];
  const complaints = /^flowchart (TB|LR)$/.test(head) ? [] : [`a diagram begins with "${head}"`];
  let openGroups = 0;

  const declare = (id: string, label: string): void => {
    if (labels.has(id)) complaints.push(`${id} is declared twice`);
    if (RESERVED.has(id)) complaints.push(`${id} is a word of Mermaid's own`);
    if (/^(\d+\.|[-*]) /.test(label)) complaints.push(`${id} bears a list: ${label}`);
    labels.set(id, label);
  };
  const join = (from: string, label: string, to: string): void => {
    for (const id of [from, to])
      if (!labels.has(id)) complaints.push(`${id} has no declaration above ${from} --> ${to}`);
    arrows.push({ from, to, label });
  };

  for (const line of lines.map((raw) => raw.trim())) {
    const [node, group, arrow] = [NODE.exec(line), GROUP.exec(line), ARROW.exec(line)];
    if (arrow !== null) join(arrow[1] ?? "", arrow[2] ?? "", arrow[3] ?? "");
    else if (node !== null) declare(node[1] ?? "", node[2] ?? node[3] ?? node[4] ?? "");
    else if (group !== null) {
      declare(group[1] ?? "", group[2] ?? "");
      groups.add(group[1] ?? "");
      openGroups += 1;
    } else if (line === "end" && openGroups > 0) openGroups -= 1;
    else if (line !== "") complaints.push(`no line of a diagram: ${line}`);
  }
  if (openGroups > 0) complaints.push("a group is not closed");
  const joined = new Set(arrows.flatMap(({ from, to }) => [from, to]));
  for (const id of labels.keys())
    if (!joined.has(id) && !groups.has(id)) complaints.push(`no arrow goes to or from ${id}`);
  return { labels, arrows, complaints };
};
