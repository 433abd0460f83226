import type { Driver } from "../../src/adapters/postgres/driver.ts";

/**
 * Copies every history in the database under fresh ids, so that a few real ones become many: of each id the last five
 * characters give way to the number of the copy. What tells ids apart stands before them. Plans are kept in common;
 * rows that reads use are not copied: `rebuild` makes them from the events.
 */
export const cloneHistories = async (driver: Driver, copies: number): Promise<void> => {
  for (const statement of MARKING) await driver.query(statement);
  for (const statement of COPYING) await driver.query(statement, [copies]);
  await driver.query("drop schema cloning cascade");
};

const ID = "(acc|att|cmd|crd|inv|ntc|quo|rfd|set|sub)_([0-9a-z]{21})[0-9a-z]{5}";
/** Once for each real row: where the number of a copy goes. No id and no text of ours holds this mark. */
const MARK = "~~~~~";
const marked = (column: string): string =>
  `regexp_replace(${column}::text, '${ID}', '\\1_\\2${MARK}', 'g') as ${column}`;
const MARKING = [
  "create schema cloning",
  `create table cloning.streams as select ${marked("stream")}, version, ${marked("links")}
   from billing.streams where stream not like 'plan/%'`,
  `create table cloning.events as select ${marked("stream")}, version, type, schema, ${marked("body")},
   ${marked("caused_by")}, recorded_at from billing.events where stream not like 'plan/%'`,
  `create table cloning.outcomes as select ${marked("command_id")}, fingerprint, ${marked("outcome")}, recorded_at
   from billing.outcomes`,
];

const numbered = (column: string): string => `replace(${column}, '${MARK}', lpad(copy::text, 5, '0'))`;
const COPYING = [
  `insert into billing.streams (stream, version, links)
   select ${numbered("stream")}, version, ${numbered("links")}::text[]
   from cloning.streams cross join generate_series(1, $1::integer) as copy`,
  `insert into billing.events (stream, version, type, schema, body, caused_by, recorded_at)
   select ${numbered("stream")}, version, type, schema, ${numbered("body")}::jsonb, ${numbered("caused_by")}, recorded_at
   from cloning.events cross join generate_series(1, $1::integer) as copy`,
  `insert into billing.outcomes (command_id, fingerprint, outcome, recorded_at)
   select ${numbered("command_id")}, fingerprint, ${numbered("outcome")}::jsonb, recorded_at
   from cloning.outcomes cross join generate_series(1, $1::integer) as copy`,
  // Relayed already, as nearly all messages of a database in use are.
  `insert into billing.outbox (stream, version, relayed_at)
   select ${numbered("stream")}, version, now()
   from cloning.events cross join generate_series(1, $1::integer) as copy`,
];
