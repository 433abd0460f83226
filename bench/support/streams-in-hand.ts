import type { StreamName } from "../../src/core/billing/stream.ts";
import type { LoadedStream, Storage, StreamRef } from "../../src/core/ports/storage.ts";
import { ok } from "../../src/core/result.ts";

/** Streams in a map and nothing else: no conflicts, no outcomes. Enough for one caller, who asks for each thing once. */
export const streamsInHand = (): Storage => {
  const streams = new Map<StreamName, LoadedStream & { readonly links: readonly StreamName[] }>();
  const invoiceOfAttempt = new Map<string, StreamName>();
  const named = (ref: StreamRef): StreamName | undefined => {
    if (ref.by === "stream") return ref.stream;
    if (ref.by === "attempt") return invoiceOfAttempt.get(ref.attemptId);
    throw new Error(`a life asks for nothing by ${ref.by}`);
  };
  return {
    load: async (refs) => {
      const loaded = new Map<StreamName, LoadedStream>();
      const wanted = refs.map(named).filter((name) => name !== undefined);
      for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
        const stream = streams.get(name);
        if (stream === undefined || loaded.has(name)) continue;
        loaded.set(name, stream);
        wanted.push(...stream.links);
      }
      return ok(loaded);
    },
    commit: async (commits) => {
      for (const { stream, events, links } of commits.flatMap(({ appends }) => appends)) {
        const before = streams.get(stream)?.events ?? [];
        streams.set(stream, { version: before.length + events.length, events: [...before, ...events], links });
        for (const event of events) {
          if (event.type === "OfferMade" || event.type === "ChargeStarted")
            invoiceOfAttempt.set(event.attemptId, stream);
        }
      }
      return commits.map(() => ok({ streams: [] }));
    },
    outcome: async () => ok(null),
  };
};
