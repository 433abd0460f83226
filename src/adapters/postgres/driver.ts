/** The little that storage asks of a database connection; one SQL text serves every driver. */
export interface Driver {
  /**
   * One statement, one round trip, a transaction of its own. Null, boolean, text, number, bytes and text[] as parameters.
   * Never waits for ever: a database that keeps silent is a lost connection.
   */
  query(text: string, params?: readonly Parameter[]): Promise<readonly SqlRow[]>;
  /**
   * Several statements in one transaction, which may take their time. Awaits nothing inside but its own statements; after
   * one that failed nothing of it stands, also when the failure was caught. `script`: many statements at once, no parameters.
   */
  transaction<T>(run: (query: Driver["query"], script: (text: string) => Promise<void>) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}
export type Parameter = string | number | boolean | null | Uint8Array | readonly string[];
export type SqlRow = Readonly<Record<string, unknown>>;

/** The connection went away, or did not answer in time. `sent`: the statement may have been carried out all the same. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";
  readonly sent: boolean;
  constructor(sent: boolean, detail: string) {
    super(detail);
    this.sent = sent;
  }
}

/** The database refused a statement. */
export class SqlError extends Error {
  override readonly name = "SqlError";
  readonly sqlState: string;
  readonly constraint: string | null;
  constructor(sqlState: string, message: string, constraint: string | null) {
    super(message);
    this.sqlState = sqlState;
    this.constraint = constraint;
  }
}
