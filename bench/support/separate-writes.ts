import type { Driver } from "../../src/adapters/postgres/driver.ts";

/** A part as our storage prints it. */
type Part = Readonly<Record<"outcomes" | "streams" | "events", readonly object[]>> &
  Readonly<Record<"removed" | "written", object>>;

/**
 * Takes apart what our storage writes in one statement, and writes the very same rows as a transaction of seven round trips:
 * what the one statement is worth. It knows of no conflicts: any makes the run void.
 */
export const separateWrites = (driver: Driver): Driver => ({
  ...driver,
  query: async (text, params = []) => {
    if (!text.includes("commit_all")) return driver.query(text, params);
    const [part, ...more]: readonly Part[] = JSON.parse(String(params[0]));
    if (part === undefined || more.length > 0) throw new Error("one commit each is one part");
    const outcomes = JSON.stringify(part.outcomes);
    await driver.transaction(async (query) => {
      const [touched] = await query(STREAMS, [JSON.stringify(part.streams)]);
      if (touched?.["met"] !== part.streams.length) throw new Error("void: a stream has another version");
      await query(OUTCOMES, [outcomes]);
      await query(EVENTS, [JSON.stringify(part.events)]);
      await query(ROWS, [JSON.stringify(part.removed), JSON.stringify(part.written)]);
      await query(INTAKE, [outcomes]);
    });
    return [{ answers: [{ ok: true }] }];
  },
});

// "limit 1" keeps the planner, which thinks of many names, from reading whole tables.
const STREAMS = `
with touched as (
  select * from jsonb_to_recordset($1::text::jsonb) as one (stream text, version integer, "to" integer, links text[])
), read as (
  select from touched cross join lateral (
    select from billing.streams known
    where known.stream = touched.stream and known.version = touched.version limit 1 for share
  ) as known
  where touched."to" is null
), moved as (
  insert into billing.streams as known (stream, version, links)
  select stream, "to", links from touched where "to" is not null
  on conflict (stream) do update set version = excluded.version, links = excluded.links
  where known.version = (select version from touched where touched.stream = known.stream)
  returning 1
)
select (select count(*)::int from read) + (select count(*)::int from moved) as met`;

const OUTCOMES = `
insert into billing.outcomes (command_id, fingerprint, outcome, recorded_at)
select * from jsonb_to_recordset($1::text::jsonb)
  as command (command_id text, fingerprint text, outcome jsonb, recorded_at timestamptz)`;

const EVENTS = `
with facts as (
  insert into billing.events (stream, version, type, schema, body, caused_by, recorded_at)
  select * from jsonb_to_recordset($1::text::jsonb) as fact
    (stream text, version integer, type text, schema integer, body jsonb, caused_by text, recorded_at timestamptz)
  returning stream, version
)
insert into billing.outbox (stream, version) select stream, version from facts`;

const ROWS = "select billing.write_rows($1::text::jsonb, $2::text::jsonb)";

const INTAKE = `
update billing.intake entry set done_at = (command ->> 'recorded_at')::timestamptz, wait_until = null
from (select $1::text::jsonb -> 0 as command) as done
where entry.id = command ->> 'command_id' and entry.done_at is null`;
