import { connect, createServer, type Socket } from "node:net";

/** What stands between us and a server where connections are dear: it lends a session for one transaction. */
export type TransactionPooler = {
  readonly url: string;
  /** How often a client sent on before it was answered. */
  pipelined(): number;
  close(): void;
};

/** What a pooler hands on; anything else that a client wants to be set as it connects is refused, as PgBouncer does. */
const KNOWN = new Set(["user", "database", "client_encoding", "application_name", "TimeZone"]);
const PROTOCOL_3 = 196_608;

/**
 * As PgBouncer with `pool_mode = transaction`, and with the least that it may do: transactions of a client go to all sessions in
 * turn, so that nothing that one left behind is there for the next.
 * @param url of a server that asks for no password
 */
export const transactionPooler = async (url: string, sessions: number): Promise<TransactionPooler> => {
  const { hostname, port, username, pathname } = new URL(url);
  const startup = { user: username, database: pathname.slice(1), TimeZone: "UTC" };
  const idle: Socket[] = [];
  const waiting: ((session: Socket) => void)[] = [];
  const open = new Set<Socket>();
  let pipelined = 0;

  const giveBack = (session: Socket): void => {
    session.removeAllListeners("data");
    const next = waiting.shift();
    if (next === undefined) idle.push(session);
    else next(session);
  };
  for (let n = 0; n < sessions; n += 1) {
    const session = connect({ host: hostname, port: Number(port) });
    open.add(session.on("error", () => undefined));
    session.write(startupMessage(startup));
    await new Promise<void>((ready) => {
      session.on(
        "data",
        frames((type) => type === "Z" && ready()),
      );
    });
    giveBack(session);
  }

  const serve = (client: Socket): void => {
    let session: Socket | "asked for" | null = null;
    let [asked, answered] = [0, 0];
    const held: Buffer[] = [];
    const lend = (lent: Socket): void => {
      session = lent;
      lent.on(
        "data",
        frames((type, frame) => {
          client.write(frame);
          if (type !== "Z") return;
          answered += 1;
          const isOver = frame.at(-1) === "I".charCodeAt(0) && answered === asked;
          if (!isOver) return;
          session = null;
          giveBack(lent);
        }),
      );
      for (const frame of held.splice(0)) lent.write(frame);
    };
    const pass = (type: string, frame: Buffer): void => {
      if (type === "X") return;
      if (asked > answered) pipelined += 1;
      if (type === "S" || type === "Q") asked += 1;
      if (session !== null && session !== "asked for") return void session.write(frame);
      held.push(frame);
      if (session === "asked for") return;
      session = "asked for";
      const free = idle.shift();
      if (free === undefined) waiting.push(lend);
      else lend(free);
    };
    const greet = (startup: Buffer): void => {
      const strange = parametersOf(startup).find((name) => !KNOWN.has(name));
      if (strange !== undefined) return void client.end(refusal(`unsupported startup parameter: ${strange}`));
      client.write(WELCOME);
      client.on("data", frames(pass));
    };
    open.add(client.on("error", () => undefined));
    client.once("data", greet);
  };
  const server = createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const ours = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `postgres://${username}@127.0.0.1:${ours}${pathname}`,
    pipelined: () => pipelined,
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
};

/** Cuts what arrives into messages of PostgreSQL's protocol: a letter, the length of the rest, the rest. */
const frames = (on: (type: string, frame: Buffer) => void): ((bytes: Buffer) => void) => {
  let left: Buffer = Buffer.alloc(0);
  return (bytes) => {
    left = Buffer.concat([left, bytes]);
    while (left.length > 4 && left.length > left.readUInt32BE(1)) {
      const end = 1 + left.readUInt32BE(1);
      const frame = left.subarray(0, end);
      left = left.subarray(end);
      on(String.fromCharCode(frame[0] ?? 0), frame);
    }
  };
};

const message = (type: string, ...parts: readonly (string | Buffer)[]): Buffer => {
  const body = Buffer.concat(parts.map((part) => Buffer.from(typeof part === "string" ? `${part}\0` : part)));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(type), length, body]);
};
const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

const startupMessage = (parameters: Readonly<Record<string, string>>): Buffer =>
  message("", number(PROTOCOL_3), ...Object.entries(parameters).flat(), "");
/** Of a startup message: length and protocol, then names and values in turn. */
const parametersOf = (startup: Buffer): readonly string[] =>
  startup
    .subarray(8, -1)
    .toString()
    .split("\0")
    .filter((name, place) => place % 2 === 0 && name !== "");

/** No password is asked for; the session, whose it ever is, is ready. */
const WELCOME = Buffer.concat([
  message("R", number(0)),
  message("K", number(1), number(1)),
  message("Z", Buffer.from("I")),
]);
const refusal = (text: string): Buffer => message("E", "SFATAL", "VFATAL", "C08P01", `M${text}`, "");
