import { expect, test } from "bun:test";
import { z } from "zod";
import { COMMAND_BODIES } from "../../../src/adapters/wire/commands.ts";
import { EVENT_BODIES } from "../../../src/adapters/wire/event-bodies.ts";
import { faithful } from "../../../src/adapters/wire/faithful.ts";

type Fact =
  | { readonly type: "TicketSold"; readonly places: readonly string[]; readonly hall: number | null }
  | ({ readonly type: "DoorsOpened" } & {
      readonly by: { readonly kind: "staff"; readonly name: string } | { readonly kind: "clock" };
    });

const TicketSold = z.object({ places: z.array(z.string()), hall: z.number().nullable() });
const clock = z.object({ kind: z.literal("clock") });
const staff = z.object({ kind: z.literal("staff"), name: z.string() });
const DoorsOpened = z.object({ by: z.discriminatedUnion("kind", [staff, clock]) });
const table = faithful<Fact>();

test("a table that says what the types say compiles, and is handed back", () => {
  const given = { TicketSold, DoorsOpened };
  expect(table(given)).toBe(given);
});

// The compiler is under test here: an expected error that is not made fails the type check.
test("a table that says anything else does not compile", () => {
  // @ts-expect-error: an event has no schema.
  table({ TicketSold });
  // @ts-expect-error: a schema has no event.
  table({ TicketSold, DoorsOpened, DoorsClosed: z.object({}) });
  // @ts-expect-error: a field is missing.
  table({ TicketSold: TicketSold.omit({ hall: true }), DoorsOpened });
  // @ts-expect-error: there is a field too many.
  table({ TicketSold: TicketSold.extend({ row: z.number() }), DoorsOpened });
  // @ts-expect-error: an optional field too many.
  table({ TicketSold: TicketSold.extend({ row: z.number().exactOptional() }), DoorsOpened });
  // @ts-expect-error: a field may be left out.
  table({ TicketSold: TicketSold.partial({ hall: true }), DoorsOpened });
  // @ts-expect-error: null is not foreseen.
  table({ TicketSold: TicketSold.extend({ hall: z.number() }), DoorsOpened });
  // @ts-expect-error: a list holds something else.
  table({ TicketSold: TicketSold.extend({ places: z.array(z.number()) }), DoorsOpened });
  // @ts-expect-error: a variant is missing, deep inside.
  table({ TicketSold, DoorsOpened: z.object({ by: staff }) });
  // @ts-expect-error: anything goes.
  table({ TicketSold: TicketSold.extend({ hall: z.any() }), DoorsOpened });
  expect(Object.keys({ ...EVENT_BODIES, ...COMMAND_BODIES }).length).toBeGreaterThan(0);
});

test("every event and command has a JSON schema for the documents", () => {
  for (const schema of Object.values({ ...EVENT_BODIES, ...COMMAND_BODIES }))
    expect(z.toJSONSchema(schema, { io: "input" })).toMatchObject({ type: "object", properties: expect.anything() });
});
