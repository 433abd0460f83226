import pino from "pino";
import type { Report } from "../../core/ports/reports.ts";
import type { CommandDone } from "../../core/work/updater.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** The process's log: one JSON object a line. Ids and words go in; never a token, name, address or card digit. */
export type Log = {
  /** What a person must come to know. */
  report(report: Report): void;
  /** One answered request. A fault of ours bears what was thrown. */
  request(entry: { readonly status: number; readonly error?: unknown } & Readonly<Record<string, unknown>>): void;
  /** One command that was carried out or refused. */
  command(entry: CommandDone): void;
  /** Something broke where nobody waits for an answer. */
  failed(what: string, error: unknown): void;
  info(what: string, facts?: Readonly<Record<string, string | number>>): void;
};

export const openLog = (level: LogLevel): Log => {
  const log = pino({
    level,
    base: { service: "matinee" },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (name) => ({ level: name }) },
  });
  const printsInfo = log.isLevelEnabled("info");
  return {
    report: ({ level: heard, what, facts }) => log[heard === "alarm" ? "error" : "warn"]({ what, ...facts }),
    request: (entry) => {
      if (entry.error === undefined) {
        // Most are never printed.
        if (printsInfo) log.info({ what: "request", ...entry });
        return;
      }
      const { error, ...told } = entry;
      log.error({ what: "request", ...told, err: asError(error) });
    },
    command: (entry) => log.info({ what: "command", ...entry }),
    failed: (what, error) => log.error({ what, err: asError(error) }),
    info: (what, facts = {}) => log.info({ what, ...facts }),
  };
};

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));
