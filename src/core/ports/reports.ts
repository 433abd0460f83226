/** What a person must come to know although nobody is waiting for an answer: goes to the log, and to alarms. */
export type Report = {
  /** `alarm`: somebody should look now; `warning`: somebody should look some day. */
  readonly level: "alarm" | "warning";
  /** A fixed word for each kind of event, as in "command_failed". */
  readonly what: string;
  /** Ids and words; never a token, name, address or card digit. */
  readonly facts: Readonly<Record<string, string>>;
};
export type Reports = (report: Report) => void;
