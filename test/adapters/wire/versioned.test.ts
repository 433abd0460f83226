import { expect, test } from "bun:test";
import { z } from "zod";
import { versionedCodec } from "../../../src/adapters/wire/versioned.ts";
import { Bug } from "../../../src/core/result.ts";

// A small history: schema 1 knew a `seat`, schema 2 called it `place`, schema 3 gave the hall a number.
type Fact =
  | { readonly type: "TicketSold"; readonly place: string; readonly hall: number }
  | { readonly type: "DoorsOpened"; readonly minutesBefore: number };

const codec = versionedCodec<Fact>(
  {
    TicketSold: z.object({ place: z.string(), hall: z.number() }),
    DoorsOpened: z.object({ minutesBefore: z.number() }),
  },
  {
    TicketSold: [({ seat, ...rest }) => ({ ...rest, place: seat ?? null }), (body) => ({ ...body, hall: 1 })],
  },
);

test("a body of schema 1 is lifted through every version, in order", () => {
  expect(codec.decode("TicketSold", 1, { seat: "7B" })).toStrictEqual({ type: "TicketSold", place: "7B", hall: 1 });
});

test("a body of schema 2 skips the first lift", () => {
  expect(codec.decode("TicketSold", 2, { place: "7B", seat: "other" })).toStrictEqual({
    type: "TicketSold",
    place: "7B",
    hall: 1,
  });
});

test("a body of the newest schema is not lifted at all", () => {
  expect(codec.decode("TicketSold", 3, { place: "7B", hall: 4 })).toStrictEqual({
    type: "TicketSold",
    place: "7B",
    hall: 4,
  });
  expect(() => codec.decode("TicketSold", 3, { seat: "7B" })).toThrow(Bug);
});

test("what is written bears the newest schema, each type its own", () => {
  expect(codec.encode({ type: "TicketSold", place: "7B", hall: 4 })).toStrictEqual({
    type: "TicketSold",
    schema: 3,
    body: { place: "7B", hall: 4 },
  });
  expect(codec.encode({ type: "DoorsOpened", minutesBefore: 30 }).schema).toBe(1);
});

test("a schema is too new for one type and old for another", () => {
  expect(() => codec.decode("DoorsOpened", 2, { minutesBefore: 30 })).toThrow("DoorsOpened schema 2 is newer than 1");
  expect(() => codec.decode("TicketSold", 4, { place: "7B", hall: 4 })).toThrow("TicketSold schema 4 is newer than 3");
});

test("an old body that its lift cannot mend is a Bug under the schema it was stored with", () => {
  expect(() => codec.decode("TicketSold", 1, { seat: 7 })).toThrow("TicketSold schema 1: /place ");
});

test("a body that is no object never reaches a lift", () => {
  for (const body of [null, [], "7B", 7, undefined])
    expect(() => codec.decode("TicketSold", 1, body)).toThrow(
      new Bug("TicketSold schema 1: the body is not an object"),
    );
});

test("lifting leaves the stored body as it is", () => {
  const stored = Object.freeze({ seat: "7B" });
  codec.decode("TicketSold", 1, stored);
  expect(stored).toStrictEqual({ seat: "7B" });
});
