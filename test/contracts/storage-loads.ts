import { expect, test } from "bun:test";
import { invoiceStream } from "../../src/core/billing/stream.ts";
import type { StreamRef } from "../../src/core/ports/storage.ts";
import { answered, GATEWAY, OTHER_GATEWAY } from "../support/cinema.ts";
import {
  appending,
  bringing,
  commitOf,
  facts,
  newAttempt,
  newInvoice,
  newRefund,
  newStream,
  newTransaction,
  row,
} from "../support/commits.ts";
import { given, reachedFrom, type Subject } from "./subject.ts";

export const loads = (subject: Subject): void => {
  const namesOf = async (...refs: readonly StreamRef[]) =>
    [...answered(await subject.store.storage.load(refs)).keys()].sort();

  test("a stream brings along all that it links to, to any depth", async () => {
    const chain = Array.from({ length: 12 }, newStream);
    for (const [i, stream] of chain.entries()) {
      await given(subject, commitOf({ appends: [appending(stream, 0, { links: chain.slice(i + 1, i + 3) })] }));
    }
    expect(await reachedFrom(subject, chain[0] ?? newStream())).toEqual(chain.toSorted());
    expect(await reachedFrom(subject, chain[6] ?? newStream())).toEqual(chain.slice(6).sort());
  });

  test("streams that link to each other in a circle, and to themselves, come once", async () => {
    const [one, two] = [newStream(), newStream()];
    await given(
      subject,
      commitOf({ appends: [appending(one, 0, { links: [two, one] }), appending(two, 0, { links: [one] })] }),
    );
    expect(await reachedFrom(subject, one)).toEqual([one, two].sort());
    expect(await namesOf({ by: "stream", stream: one }, { by: "stream", stream: two })).toEqual([one, two].sort());
  });

  test("a stream's newest links count, and a link to what does not exist yet leads there once it does", async () => {
    const [stream, old, later] = [newStream(), newStream(), newStream()];
    await given(subject, commitOf({ appends: [appending(old, 0), appending(stream, 0, { links: [old, later] })] }));
    expect(await reachedFrom(subject, stream)).toEqual([stream, old].sort());
    await given(subject, commitOf({ appends: [appending(later, 0)] }));
    expect(await reachedFrom(subject, stream)).toEqual([stream, old, later].sort());
    await given(subject, commitOf({ appends: [appending(stream, 1, { links: [later] })] }));
    expect(await reachedFrom(subject, stream)).toEqual([stream, later].sort());
  });

  test("links can be renewed without a new event", async () => {
    const [stream, linked] = [newStream(), newStream()];
    await given(subject, commitOf({ appends: [appending(stream, 0), appending(linked, 0)] }));
    await given(subject, commitOf({ appends: [appending(stream, 1, { events: [], links: [linked] })] }));
    expect(await reachedFrom(subject, stream)).toEqual([stream, linked].sort());
  });

  test("an invoice is found by its attempt, by its refund and by the transaction that paid it", async () => {
    const [invoiceId, linked] = [newInvoice(), newStream()];
    const [attemptId, refundId, transactionId] = [newAttempt(), newRefund(), newTransaction()];
    const stream = invoiceStream(invoiceId);
    const written = [
      row("attempts", { invoiceId, attemptId }),
      row("captures", { invoiceId, transactionId }),
      row("refunds", { invoiceId, refundKey: refundId }),
    ];
    await given(
      subject,
      commitOf({ appends: [appending(stream, 0, { written, links: [linked] }), appending(linked, 0)] }),
    );
    const both = [stream, linked].sort();
    expect(await namesOf({ by: "attempt", attemptId })).toEqual(both);
    expect(await namesOf({ by: "refund", refundId })).toEqual(both);
    expect(await namesOf({ by: "transaction", gatewayAccount: GATEWAY, transactionId })).toEqual(both);
    // The same number at another gateway account is another payment.
    expect(await namesOf({ by: "transaction", gatewayAccount: OTHER_GATEWAY, transactionId })).toEqual([]);
  });

  test("a transaction that only waits in suspense leads to no invoice", async () => {
    const mismatch = row("mismatches");
    await given(subject, bringing(mismatch));
    const { transactionId } = mismatch.row;
    expect(
      await namesOf({ by: "transaction", gatewayAccount: GATEWAY, transactionId: transactionId as never }),
    ).toEqual([]);
  });

  test("many are loaded at once, each with its events and version; what does not exist is not in the answer", async () => {
    const [one, two, absent] = [newStream(), newStream(), newStream()];
    const [invoiceId, attemptId] = [newInvoice(), newAttempt()];
    const invoice = invoiceStream(invoiceId);
    await given(
      subject,
      commitOf({ appends: [appending(one, 0, { events: facts(1, 2) }), appending(two, 0, { events: facts(3) })] }),
      commitOf({ appends: [appending(invoice, 0, { written: [row("attempts", { attemptId, invoiceId })] })] }),
    );
    const loaded = answered(
      await subject.store.storage.load([
        { by: "stream", stream: two },
        { by: "attempt", attemptId },
        { by: "stream", stream: absent },
        { by: "attempt", attemptId: newAttempt() },
        { by: "refund", refundId: newRefund() },
        { by: "stream", stream: one },
        { by: "stream", stream: one },
      ]),
    );
    const shown = [...loaded].map(([stream, { version, events }]) => [stream, version, events] as const);
    expect(new Map(shown.map(([stream, version]) => [stream, version]))).toEqual(
      new Map([
        [one, 2],
        [two, 1],
        [invoice, 1],
      ]),
    );
    expect(loaded.get(one)?.events).toEqual(facts(1, 2));
    expect(loaded.get(two)?.events).toEqual(facts(3));
    expect(answered(await subject.store.storage.load([]))).toEqual(new Map());
  });

  test("a stream that was only expected does not exist", async () => {
    const absent = newStream();
    await given(subject, commitOf({ expects: [{ stream: absent, version: 0 }] }));
    expect(await namesOf({ by: "stream", stream: absent })).toEqual([]);
  });
};
