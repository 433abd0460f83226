import type { Command } from "commander";
import { openNats } from "../../adapters/nats/connection.ts";
import { type NatsOperator, natsOperator } from "../../adapters/nats/operator.ts";
import type { BusFault } from "../../core/ports/bus.ts";
import type { Result } from "../../core/result.ts";
import { formatInstant } from "../../core/time.ts";
import { configured } from "../boot.ts";
import { withOperator } from "../operator-access.ts";
import { fail, print, printJson, printTable, wholeNumber } from "./output.ts";

const EMBEDDED = "The bus is embedded: it keeps nothing. What is not yet on it waits in the database.";

/** `matinee bus …`: what is on its way, what got stuck, and how it goes on. */
export const busCommands = (program: Command): void => {
  const bus = program
    .command("bus")
    .description("the bus: what is on it, what waits for it, what nobody could execute");

  bus
    .command("ls")
    .description("the streams of the bus")
    .option("--json", "as JSON")
    .action((options: { readonly json?: true }) => {
      if (configured().nats === null) return options.json ? printJson([]) : print(EMBEDDED);
      return onNats(async (nats) => {
        const streams = answered(await nats.streams());
        if (options.json) return printJson(streams);
        printTable(
          ["STREAM", "MESSAGES", "BYTES", "FIRST", "LAST", "CONSUMERS"],
          streams.map(({ name, messages, bytes, firstSeq, lastSeq, consumers }) => [
            name,
            messages,
            bytes,
            firstSeq,
            lastSeq,
            consumers,
          ]),
          "No stream: the first process that connects makes them.",
        );
      });
    });

  bus
    .command("lag")
    .description("what is committed and not yet on the bus, and what is on it and not yet taken")
    .option("--json", "as JSON")
    .action(async (options: { readonly json?: true }) => {
      const outbox = await withOperator((operator) => operator.backlog());
      const consumers = configured().nats === null ? [] : await onNats(async (nats) => answered(await nats.lag()));
      if (options.json) return printJson({ outbox, consumers });
      print(`outbox: ${outbox.messages} messages wait${outbox.oldestAt === null ? "" : `, since ${outbox.oldestAt}`}`);
      printTable(
        ["STREAM", "CONSUMER", "PENDING", "UNACKNOWLEDGED", "REDELIVERED"],
        consumers.map(({ stream, consumer, pending, ackPending, redelivered }) => [
          stream,
          consumer,
          pending,
          ackPending,
          redelivered,
        ]),
        "no consumer on a server",
      );
    });

  bus
    .command("peek <stream>")
    .description("messages of a stream, the newest last; nothing is taken")
    .option("-n, --count <count>", "how many", wholeNumber("--count"), 10)
    .option("--from-start", "the oldest instead of the newest")
    .option("--json", "a JSON object for each line")
    .action((stream: string, options: { readonly count: number; readonly fromStart?: true; readonly json?: true }) => {
      if (configured().nats === null) return options.json ? undefined : print(EMBEDDED);
      return onNats(async (nats) => {
        const messages = answered(await nats.peek(stream, options.count, options.fromStart ? "start" : "end"));
        if (messages === null) return fail(`There is no stream ${stream}; bus ls tells which there are.`);
        for (const { subject, seq, at, text } of messages) {
          const time = formatInstant(at);
          if (options.json) printJson({ seq, time, subject, text });
          else print(`${seq}  ${time}  ${subject}  ${text}`);
        }
      });
    });

  bus
    .command("dead-letters")
    .description("what nobody could execute, with the reason")
    .option("--json", "as JSON, with the bodies")
    .action(async (options: { readonly json?: true }) => {
      const letters = await withOperator((operator) => operator.deadLetters());
      if (options.json) return printJson(letters);
      printTable(
        ["ID", "SINCE", "KIND", "SERVICE", "REASON"],
        letters.map(({ id, since, kind, service, reason }) => [id, since, kind, service, reason]),
        "No dead letters.",
      );
    });

  bus
    .command("replay [id]")
    .description("have a dead letter executed again; --all: every one")
    .option("--all", "every dead letter")
    .option("--json", "as JSON")
    .action(async (id: string | undefined, options: { readonly all?: true; readonly json?: true }) => {
      if ((id === undefined) === (options.all === undefined)) return fail("Name one dead letter, or say --all.");
      const { replayed, unknown } = await withOperator(async (operator) => {
        const ids = id === undefined ? (await operator.deadLetters()).map((letter) => letter.id) : [id];
        const done: string[] = [];
        for (const one of ids) if (await operator.replay(one)) done.push(one);
        return { replayed: done, unknown: id !== undefined && done.length === 0 };
      });
      if (unknown) return fail(`${id} is no dead letter; bus dead-letters tells which there are.`);
      if (options.json) return printJson({ replayed });
      print(`${replayed.length} replayed. What cannot be executed comes back with its reason.`);
    });
};

/** With a connection of its own, closed when the work is done. */
export const onNats = async <T>(work: (nats: NatsOperator) => Promise<T>): Promise<T> => {
  const { nats: settings } = configured();
  if (settings === null) throw new Error("NATS_URL is not set");
  const log = { info: () => undefined, failed: () => undefined };
  const nats = await openNats({ servers: settings.url, name: "matinee command line", log });
  try {
    return await work(natsOperator(nats));
  } finally {
    await nats.close();
  }
};

const answered = <T>(result: Result<T, BusFault>): T => {
  if (!result.ok) throw new Error(`NATS does not answer (${result.error.detail}). Start it, or correct NATS_URL.`);
  return result.value;
};
