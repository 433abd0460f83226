import type { Json } from "../../../src/adapters/wire/json.ts";

/** A place in a JSON value. */
export type Path = readonly (string | number)[];

/** Every key of every object inside, outermost first. */
export const fieldsOf = (value: Json, at: Path = []): readonly Path[] =>
  entriesOf(value).flatMap(([name, part]) => [
    ...(typeof name === "string" ? [[...at, name]] : []),
    ...fieldsOf(part, [...at, name]),
  ]);

/** Every object inside, the whole first. */
export const objectsOf = (value: Json, at: Path = []): readonly Path[] => [
  ...(isContainer(value) && !Array.isArray(value) ? [at] : []),
  ...entriesOf(value).flatMap(([name, part]) => objectsOf(part, [...at, name])),
];

/** A copy with what stands at a path replaced by what `change` makes of it; undefined takes the field away. */
export const changed = (value: Json, path: Path, change: (part: Json) => Json | undefined): Json => {
  const [first, ...rest] = path;
  if (first === undefined) return change(value) ?? null;
  const entries = entriesOf(value).flatMap(([name, part]): readonly (readonly [string | number, Json])[] => {
    if (name !== first) return [[name, part]];
    const put = rest.length === 0 ? change(part) : changed(part, rest, change);
    return put === undefined ? [] : [[name, put]];
  });
  return Array.isArray(value) ? entries.map(([, part]) => part) : Object.fromEntries(entries);
};

export const pointer = (path: Path): string => path.map((part) => `/${part}`).join("");

const isContainer = (value: Json): boolean => typeof value === "object" && value !== null;
const entriesOf = (value: Json): readonly (readonly [string | number, Json])[] => {
  if (Array.isArray(value)) return value.map((part: Json, index) => [index, part]);
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
};
