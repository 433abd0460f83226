import { readdirSync } from "node:fs";
import type { Encoded } from "../../../src/adapters/wire/versioned.ts";
import type { DomainEvent } from "../../../src/core/billing/domain.ts";

/**
 * A file of `samples/`: one event type at one schema version, as it was written on its day. Such a file is never changed
 * but for `value`, and that only when an upcast of a later schema adds to what the body is read as.
 */
export type StoredSample = Omit<Encoded, "body"> & {
  readonly samples: readonly { readonly body: Encoded["body"]; readonly value: unknown }[];
};

export const SAMPLES = new URL("./samples/", import.meta.url);
export const sampleName = (type: string, schema: number): string => `${type}.${schema}.json`;

export const storedSamples = async (): Promise<readonly (StoredSample & { readonly name: string })[]> =>
  Promise.all(
    readdirSync(SAMPLES)
      .filter((name) => name.endsWith(".json"))
      .map(async (name) => ({ name, ...((await Bun.file(new URL(name, SAMPLES)).json()) as StoredSample) })),
  );

/** An event as a file can hold it, apart from the codec that is under test: a bigint becomes "29900n". */
export const plain = (event: DomainEvent): unknown =>
  JSON.parse(JSON.stringify(event, (_, value) => (typeof value === "bigint" ? `${value}n` : value)));
