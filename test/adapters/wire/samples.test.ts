import { describe, expect, test } from "bun:test";
import { EVENT_BODIES, type EventType } from "../../../src/adapters/wire/event-bodies.ts";
import { decodeEvent, encodeEvent, newestSchema } from "../../../src/adapters/wire/events.ts";
import { plain, sampleName, storedSamples } from "./stored-samples.ts";

const SAMPLES = await storedSamples();
const TYPES = Object.keys(EVENT_BODIES) as EventType[];

test("every event has a sample at every schema version ever written", () => {
  const needed = TYPES.flatMap((type) =>
    Array.from({ length: newestSchema(type) }, (_, older) => sampleName(type, older + 1)),
  );
  expect(SAMPLES.map(({ name }) => name).sort()).toEqual(needed.sort());
});

describe.each(SAMPLES.map((sample) => [sample.name, sample] as const))("%s", (name, { type, schema, samples }) => {
  test("is what its name says, and not empty", () => {
    expect(sampleName(type, schema)).toBe(name);
    expect(samples.length).toBeGreaterThan(0);
  });

  test("is read as it was on the day that it was written", () => {
    for (const { body, value } of samples) expect(plain(decodeEvent(type, schema, body))).toStrictEqual(value);
  });

  test("is written in the same way still, while its schema is the newest", () => {
    if (schema !== newestSchema(type as EventType)) return;
    for (const { body } of samples)
      expect(encodeEvent(decodeEvent(type, schema, body))).toStrictEqual({ type, schema, body });
  });
});
