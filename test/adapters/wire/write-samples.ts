import { existsSync } from "node:fs";
import { EVENT_BODIES } from "../../../src/adapters/wire/event-bodies.ts";
import { encodeEvent, newestSchema } from "../../../src/adapters/wire/events.ts";
import type { DomainEvent } from "../../../src/core/billing/domain.ts";
import { examplesOf } from "./from-schema.ts";
import { plain, SAMPLES, type StoredSample, sampleName } from "./stored-samples.ts";

// Run by hand after an event was added or got a new schema: writes the samples that are missing, and touches no other.
// `bun test/adapters/wire/write-samples.ts`
for (const type of Object.keys(EVENT_BODIES) as DomainEvent["type"][]) {
  const schema = newestSchema(type);
  const file = new URL(sampleName(type, schema), SAMPLES);
  if (existsSync(file)) continue;
  const events = examplesOf(EVENT_BODIES[type]).map((body) => ({ type, ...(body as object) }) as DomainEvent);
  const samples = events.map((event) => ({ body: encodeEvent(event).body, value: plain(event) }));
  await Bun.write(file, `${JSON.stringify({ type, schema, samples } satisfies StoredSample, null, 1)}\n`);
}
