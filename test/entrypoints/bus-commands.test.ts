import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { headers, type NatsConnection } from "nats";
import { z } from "zod";
import { hasOwnNats, type OwnNats, ownNats } from "../support/own-nats.ts";
import { type Ended, expectSentence, newFolder, type Program, runProgram } from "../support/program.ts";
import { dropDatabases, freshDatabase, hasPostgres } from "../support/services.ts";
import { until } from "../support/until.ts";

const KEY = "0f".repeat(32);
const AWAY = "127.0.0.1:1";
type Settings = Readonly<Record<string, string>>;
const bus = (settings: Settings, ...args: readonly string[]): Promise<Ended> =>
  runProgram("matinee", settings, "bus", ...args).ended();
/** What went well, read as JSON. */
const told = ({ out, err, exitCode }: Ended): unknown => {
  expect({ err, exitCode }).toEqual({ err: "", exitCode: 0 });
  return JSON.parse(out);
};
const letters = z.array(
  z.object({
    id: z.string(),
    since: z.string(),
    kind: z.string(),
    service: z.null(),
    reason: z.string(),
    body: z.string(),
  }),
);

const folder = newFolder();
afterAll(async () => {
  folder.remove();
  if (hasPostgres) await dropDatabases();
});

const HOUSES = [
  ["a consumer over PostgreSQL", "consumer", hasPostgres],
  ["one process over its embedded database", "standalone", true],
] as const;
for (const [what, entrypoint, isThere] of HOUSES)
  describe.skipIf(!isThere || !hasOwnNats)(`the bus of ${what}`, () => {
    let server: OwnNats;
    let client: NatsConnection;
    let program: Program;
    let settings: Settings;
    beforeAll(async () => {
      server = await ownNats();
      const where = {
        consumer: async () => ({ DATABASE_URL: await freshDatabase(), SANDBOX_URL: `http://${AWAY}` }),
        standalone: async () => ({}),
      };
      settings = {
        DATA_DIR: join(folder.path, entrypoint),
        VAULT_KEY: KEY,
        NATS_URL: server.url,
        PORT: "0",
        LOG_LEVEL: "silent",
        ...(await where[entrypoint]()),
      };
      program = runProgram(entrypoint, settings);
      await program.says(/payments {4}\S.*\n/);
      client = await server.client();
    });
    afterAll(async () => {
      program.signal("SIGKILL");
      await program.ended();
      await client.close();
      await server.destroy();
    });
    const sends = async (text: string): Promise<void> => {
      const about = headers();
      about.set("Authorization", "Bearer of.nobody.known");
      await client.jetstream().publish("billing.commands.invoice.annul", text, { headers: about });
    };
    /** Those that hold this text, once one has been put aside after `since`. */
    const putAside = async (text: string, since = "") => {
      let found: z.output<typeof letters> = [];
      await until(`${text} is put aside`, async () => {
        const all = letters.parse(told(await bus(settings, "dead-letters", "--json")));
        found = all.filter((letter) => letter.body.includes(text) && letter.since > since);
        return found.length > 0;
      });
      return found;
    };

    test("what nobody could execute is listed with the reason and its text, and replayed one by one or all together", async () => {
      await sends("first");
      const [one] = await putAside("first");
      expect(one).toMatchObject({ kind: "command", reason: "unauthenticated" });
      await sends("second");
      const [other] = await putAside("second");
      const { out } = await bus(settings, "dead-letters");
      expect(out).toMatch(/^ID +SINCE +KIND +SERVICE +REASON\n/);
      expect(out).toContain(one?.id ?? "");
      expect(out).not.toContain("of.nobody.known");

      // It is as unsigned as before, so it comes back.
      const replayed = await bus(settings, "replay", one?.id ?? "");
      expect([replayed.out, replayed.exitCode]).toEqual([expect.stringMatching(/^1 replayed\. /), 0]);
      expect(await putAside("first", one?.since)).toMatchObject([{ id: one?.id }]);
      const all = told(await bus(settings, "replay", "--all", "--json"));
      expect(all).toEqual({ replayed: expect.arrayContaining([one?.id, other?.id]) });
      expect(await putAside("second", other?.since)).toMatchObject([{ id: other?.id }]);
    });

    // All else is asked of NATS itself, whoever works beside it.
    if (entrypoint === "standalone") return;

    test("ls tells of each stream, and lag of what is not yet taken", async () => {
      const streams = ["BILLING_EVENTS", "BILLING_COMMANDS", "BILLING_RINGS"];
      const [ls, list, lag, lagged] = await Promise.all([
        bus(settings, "ls"),
        bus(settings, "ls", "--json"),
        bus(settings, "lag"),
        bus(settings, "lag", "--json"),
      ]);
      expect(ls.out).toMatch(/^STREAM +MESSAGES +BYTES +FIRST +LAST +CONSUMERS\nBILLING_EVENTS +\d+/);
      expect(told(list)).toEqual(
        streams.map((name) => expect.objectContaining({ name, messages: expect.any(Number) })),
      );
      expect(lag.out).toMatch(/^outbox: \d+ messages wait/);
      expect(told(lagged)).toMatchObject({
        outbox: { messages: expect.any(Number) },
        consumers: expect.arrayContaining([
          expect.objectContaining({ stream: "BILLING_COMMANDS", pending: 0, ackPending: 0 }),
        ]),
      });
    });

    test("peek shows the newest messages and, asked to, the oldest; nothing is taken", async () => {
      const [newest, oldest, again] = await Promise.all([
        bus(settings, "peek", "BILLING_EVENTS", "-n", "2", "--json"),
        bus(settings, "peek", "BILLING_EVENTS", "-n", "2", "--from-start", "--json"),
        bus(settings, "peek", "BILLING_EVENTS", "-n", "9999"),
      ]);
      const [first, last] = [oldest, newest].map(({ out }) =>
        out
          .trim()
          .split("\n")
          .map((line) => z.object({ seq: z.number(), subject: z.string(), text: z.string() }).parse(JSON.parse(line))),
      );
      expect(first?.[0]?.text).toContain('"streamversion":1');
      expect(first?.[1]?.seq ?? 0).toBeLessThan(last?.[1]?.seq ?? 0);
      const seqs = again.out
        .trim()
        .split("\n")
        .map((line) => Number.parseInt(line, 10));
      expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
      expect(seqs.length).toBeGreaterThan(2);
    });

    test("what is not there is said not to be there", async () => {
      const [stream, letter, neither, count] = await Promise.all([
        bus(settings, "peek", "NOWHERE"),
        bus(settings, "replay", "cmd_1"),
        bus(settings, "replay"),
        bus(settings, "peek", "BILLING_EVENTS", "-n", "all"),
      ]);
      expectSentence(stream, "There is no stream NOWHERE; bus ls tells which there are.");
      expectSentence(letter, "cmd_1 is no dead letter; bus dead-letters tells which there are.");
      expectSentence(neither, "Name one dead letter, or say --all.");
      expectSentence(count, "--count is a whole number");
    });

    test("with NATS away each says so within 10 s and names the setting, and dead letters are told all the same", async () => {
      const away = { ...settings, NATS_URL: `nats://app:hunter2@${AWAY}` };
      const begun = performance.now();
      const [ls, lag, peek, dead] = await Promise.all([
        bus(away, "ls", "--json"),
        bus(away, "lag"),
        bus(away, "peek", "BILLING_EVENTS"),
        bus(away, "dead-letters", "--json"),
      ]);
      for (const ended of [ls, lag, peek]) expectSentence(ended, "Start it, or correct NATS_URL.");
      expect(performance.now() - begun).toBeLessThan(10_000);
      expect(told(dead)).toBeArray();
    });
  });

test("where the bus is embedded each says so, and JSON is JSON", async () => {
  const embedded = { DATA_DIR: join(folder.path, "bare"), VAULT_KEY: KEY };
  const [ls, list, peek, lines] = await Promise.all([
    bus(embedded, "ls"),
    bus(embedded, "ls", "--json"),
    bus(embedded, "peek", "BILLING_EVENTS"),
    bus(embedded, "peek", "BILLING_EVENTS", "--json"),
  ]);
  for (const { out, exitCode } of [ls, peek])
    expect([out, exitCode]).toEqual([expect.stringContaining("The bus is embedded"), 0]);
  expect(told(list)).toEqual([]);
  expect(lines).toEqual({ out: "", err: "", exitCode: 0 });
});

test("with the database away each says so and names the setting, without its password", async () => {
  const away = { DATABASE_URL: `postgres://app:hunter2@${AWAY}/matinee`, VAULT_KEY: KEY };
  const all = [["lag"], ["dead-letters"], ["replay", "--all"]];
  for (const ended of await Promise.all(all.map((args) => bus(away, ...args))))
    expectSentence(ended, "correct DATABASE_URL");
  expectSentence(await bus({ DATABASE_URL: "hunter2" }, "lag"), "DATABASE_URL: expected", 78);
});

test("help lists all that there is", async () => {
  const [program, own] = await Promise.all([runProgram("matinee", {}, "--help").ended(), bus({}, "--help")]);
  const COMMANDS = [
    "migrate",
    "rebuild",
    "plans",
    "refund",
    "suspense",
    "sandbox",
    "do",
    "bus",
    "tasks",
    "service",
    "doctor",
  ];
  for (const word of COMMANDS) expect(program.out).toMatch(new RegExp(`^  ${word}\\b`, "m"));
  for (const word of ["ls", "lag", "peek", "dead-letters", "replay"])
    expect(own.out).toMatch(new RegExp(`^  ${word}\\b`, "m"));
  expect([program.exitCode, own.exitCode]).toEqual([0, 0]);
});
