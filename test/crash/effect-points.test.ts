import { expect, test } from "bun:test";
import { type Classed, EFFECT_POINTS, unclassedPorts } from "./matrix/effect-points.ts";

const PORTS = new URL("../../src/core/ports", import.meta.url).pathname;
const sourcesOf = async (): Promise<Readonly<Record<string, string>>> => {
  const sources: Record<string, string> = {};
  for await (const file of new Bun.Glob("*.ts").scan(PORTS)) sources[file] = await Bun.file(`${PORTS}/${file}`).text();
  return sources;
};

test("every port of the core is classed, member by member", async () => {
  const sources = await sourcesOf();
  expect(Object.keys(sources).length).toBeGreaterThan(15);
  expect(unclassedPorts(sources, EFFECT_POINTS)).toEqual([]);
});

test.each([
  ["an interface", "export interface Sms {\n  send(to: string): Promise<void>;\n}\n"],
  ["an object with a method", "export type Sms = {\n  /** Once. */\n  send(to: string): Promise<void>;\n};\n"],
  ["a function", "export type Sms = (to: string) => Promise<void>;\n"],
])("a port that nobody has classed is told of: %s", (_, source) => {
  expect(unclassedPorts({ "sms.ts": source }, {})).toEqual(["Sms of sms.ts"]);
});

test("what only carries data is no port, and a port that is gone is told of", () => {
  expect(unclassedPorts({ "sms.ts": "export type Sms = {\n  readonly to: string;\n};\n" }, {})).toEqual([]);
  expect(unclassedPorts({}, { Fax: {} })).toEqual(["Fax of no file"]);
});

interface Sms {
  send(to: string): Promise<void>;
  cost(to: string): Promise<bigint>;
}
test("a new member of a port does not compile until it is classed", () => {
  const whole: Classed<Sms> = { send: { is: "effect", point: "sms.send" }, cost: { is: "read", point: "sms.cost" } };
  // @ts-expect-error `cost` is not classed
  const lacking: Classed<Sms> = { send: { is: "effect", point: "sms.send" } };
  expect([Object.keys(whole), Object.keys(lacking)]).toEqual([["send", "cost"], ["send"]]);
});

test("no two members share the name of a point, but for the one that a store hands on", () => {
  const points = Object.entries(EFFECT_POINTS).flatMap(([port, members]) =>
    "is" in members || port === "Store"
      ? []
      : Object.values(members).flatMap((member) => ("point" in member ? [member.point] : [])),
  );
  expect(new Set(points).size).toBe(points.length);
});
