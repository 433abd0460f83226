import { connect as dial } from "node:net";
import {
  type ConnectionOptions,
  connect,
  type JetStreamClient,
  type JetStreamManager,
  type NatsConnection,
} from "nats";
import { ensureStreams, isUnanswered } from "./streams.ts";
import { pause, within } from "./waiting.ts";

export type NatsConfig = {
  /**
   * One or several, with commas between them: "nats://user:password@one:4222,nats://two:4222". A name without a password is a
   * token. What one of them says of user and password holds for all. "tls://": without TLS nothing is sent.
   */
  readonly servers: string;
  /** How the server's list of connections calls this process. */
  readonly name: string;
  /** Copies of each stream, as 3 in a cluster. Null: as an operator has set it, and 1 where a stream is made. */
  readonly replicas?: number | null;
  readonly log: NatsLog;
};
export type NatsLog = {
  info(what: string, facts?: Readonly<Record<string, string | number>>): void;
  failed(what: string, error: unknown): void;
};

/** A way to NATS that is made again whenever it is lost. That there is none stops nobody. */
export type Nats = {
  /** Null: there is none at this moment. */
  link(): Link | null;
  /** Waits for one. Null: `stopped` came first, or `close`. */
  linked(stopped: AbortSignal): Promise<Link | null>;
  isReady(): boolean;
  /** Sends what was written, as long as that takes no more than 3 s. */
  close(): Promise<void>;
};

/** One connection from its beginning to its end. Nothing that was asked over it lives on in the next one. */
export type Link = {
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  readonly lost: AbortSignal;
  /** To be called by whoever finds that a stream is missing. */
  readonly ensureStreams: () => Promise<void>;
  /** To be told of what the server did not answer in time: an outage like any other, and one line in the log. */
  readonly unanswered: (error: unknown) => void;
};

/** For an answer of the server to what is asked about streams and consumers. */
const ANSWER_MS = 3000;
/** For the first connection, and for the streams of each. */
const FIRST_MS = 2000;
const GREETING_MS = 2000;
const CONNECT_MS = 5000;
const DRAIN_MS = 3000;
/** A server that is silent this long after a question is given up: a connection to a machine that hangs never ends by itself. */
const PING_MS = 5000;
const SILENCE_MS = 10_000;
/** A server takes so long at most to be done with a stream that was deleted. */
const DELETED_MS = 1000;
const [SHORTEST_WAIT_MS, LONGEST_WAIT_MS] = [200, 3000];

/** Answers when connected, or when that takes long: then it goes on by itself. */
export const openNats = async (config: NatsConfig): Promise<Nats> => {
  const { log } = config;
  const closing = new AbortController();
  const waiting = new Set<(link: Link | null) => void>();
  let current: Link | null = null;
  // What was there, perhaps over another connection, and is missing now was deleted just now.
  let makeAfterMs = 0;
  const ensure = async (jsm: JetStreamManager): Promise<void> => {
    const complaints = await ensureStreams(jsm, config.replicas ?? null, makeAfterMs);
    makeAfterMs = DELETED_MS;
    for (const complaint of complaints) log.failed("nats_streams", complaint);
  };
  const settle = (link: Link | null): void => {
    for (const resolve of waiting) resolve(link);
    waiting.clear();
  };

  const keepLinked = async (): Promise<void> => {
    let waitMs = SHORTEST_WAIT_MS;
    let said = "";
    while (!closing.signal.aborted) {
      try {
        const link = await openLink(config, ensure);
        await within(FIRST_MS, prepare(link, log), undefined);
        if (closing.signal.aborted) return await link.nc.close();
        [current, waitMs, said] = [link, SHORTEST_WAIT_MS, ""];
        log.info("nats_connected", { server: link.nc.getServer() });
        settle(link);
        await serveUntilLost(link, log);
        current = null;
        if (!closing.signal.aborted) log.info("nats_lost");
      } catch (error) {
        // Once, not with every try of an hour.
        if (String(error) !== said) log.failed("nats_unavailable", error);
        said = String(error);
      }
      // Not all processes at the same moment, when a server is back.
      await pause(waitMs * (0.5 + Math.random() / 2), closing.signal);
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
    }
  };

  const linked: Nats["linked"] = (stopped) => {
    if (stopped.aborted || closing.signal.aborted) return Promise.resolve(null);
    if (current !== null) return Promise.resolve(current);
    return new Promise((resolve) => {
      const giveUp = (): void => end(null);
      const end = (link: Link | null): void => {
        waiting.delete(end);
        stopped.removeEventListener("abort", giveUp);
        resolve(link);
      };
      waiting.add(end);
      stopped.addEventListener("abort", giveUp);
    });
  };

  const running = keepLinked();
  await within(FIRST_MS, linked(closing.signal), null);
  return {
    link: () => current,
    linked,
    isReady: () => current !== null && !current.lost.aborted,
    close: async () => {
      closing.abort();
      settle(null);
      // One that is just being made ends by itself.
      if (current === null) return;
      const { nc } = current;
      await within(DRAIN_MS, nc.drain(), undefined).catch(() => undefined);
      await nc.close();
      await running;
    },
  };
};

/** The library's own way of connecting again is not used: what was lost must be noticed by all who were waiting for it. */
const openLink = async (
  { servers, name, log }: NatsConfig,
  ensure: (jsm: JetStreamManager) => Promise<void>,
): Promise<Link> => {
  const options = optionsOf(servers);
  const server = await firstThatAnswers(options.servers);
  const nc = await connect({
    ...options,
    name,
    servers: server,
    reconnect: false,
    timeout: CONNECT_MS,
    ignoreClusterUpdates: true,
    noAsyncTraces: true,
  });
  const js = nc.jetstream({ timeout: ANSWER_MS });
  const jsm = await nc.jetstreamManager({ checkAPI: false, timeout: ANSWER_MS });
  const lost = new AbortController();
  void nc.closed().then(() => lost.abort());
  let ensuring: Promise<void> | null = null;
  let isTold = false;
  return {
    nc,
    js,
    jsm,
    lost: lost.signal,
    ensureStreams: () => {
      ensuring ??= ensure(jsm).finally(() => {
        ensuring = null;
      });
      return ensuring;
    },
    unanswered: (error) => {
      if (!isTold) log.failed("nats_unavailable", error);
      isTold = true;
    },
  };
};

/** A process that may not look at streams can do its work all the same. */
const prepare = async ({ ensureStreams, lost, unanswered }: Link, log: NatsLog): Promise<void> => {
  try {
    await ensureStreams();
  } catch (error) {
    if (lost.aborted) return;
    if (isUnanswered(error)) unanswered(error);
    else log.failed("nats_streams", error);
  }
};

const serveUntilLost = async (link: Link, log: NatsLog): Promise<void> => {
  void tellErrors(link.nc, log);
  while (!link.lost.aborted) {
    if (!(await isAlive(link))) return link.nc.close();
    await pause(PING_MS, link.lost);
  }
};

/** Asked by ourselves, for the library lets nobody know whose question was under way when the connection ended. */
const isAlive = ({ nc, lost }: Link): Promise<boolean> =>
  new Promise((resolve) => {
    const tell = (holds: boolean): void => {
      clearTimeout(timer);
      lost.removeEventListener("abort", onLost);
      resolve(holds);
    };
    const onLost = (): void => tell(false);
    const timer = setTimeout(onLost, SILENCE_MS);
    lost.addEventListener("abort", onLost);
    nc.flush().then(() => tell(true), onLost);
  });

/** As when something is not permitted: the server tells, but not as an answer. The library never ends this by itself. */
const tellErrors = async (nc: NatsConnection, log: NatsLog): Promise<void> => {
  for await (const { type, data, permissionContext } of nc.status()) {
    if (type !== "error") continue;
    const { operation = "", subject = "" } = permissionContext ?? {};
    log.failed("nats_error", [data, operation, subject].join(" ").trim());
  }
};

type Options = Pick<ConnectionOptions, "user" | "pass" | "token" | "tls"> & { readonly servers: readonly string[] };

const optionsOf = (text: string): Options => {
  const urls = text.split(",").map((one) => new URL(one.trim().includes("://") ? one.trim() : `nats://${one.trim()}`));
  const { username = "", password = "" } = urls.find((url) => url.username !== "") ?? {};
  const [user, pass] = [decodeURIComponent(username), decodeURIComponent(password)];
  return {
    servers: urls.map(({ hostname, port }) => `${hostname}:${port === "" ? "4222" : port}`),
    ...(urls.some(({ protocol }) => protocol === "tls:") ? { tls: {} } : {}),
    ...(user === "" ? {} : pass === "" ? { token: user } : { user, pass }),
  };
};

/**
 * A server that accepts connections but says nothing would be waited for by the library for ever, with one more socket for each
 * try; and when it went on later, those sockets would come to life.
 */
const firstThatAnswers = async (servers: readonly string[]): Promise<string> => {
  const from = Math.floor(Math.random() * servers.length);
  for (const server of [...servers.slice(from), ...servers.slice(0, from)]) {
    if (await greets(server)) return server;
  }
  throw new Error(`no server answers at ${servers.join(", ")}`);
};

const greets = (server: string): Promise<boolean> =>
  new Promise((resolve) => {
    const { hostname, port } = new URL(`nats://${server}`);
    const socket = dial({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) });
    const tell = (holds: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(holds);
    };
    const timer = setTimeout(() => tell(false), GREETING_MS);
    socket.once("data", () => tell(true));
    socket.on("error", () => tell(false));
    socket.once("close", () => tell(false));
  });
