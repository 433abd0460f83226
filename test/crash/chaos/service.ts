import { connect, createInbox, headers, type NatsConnection } from "nats";
import { jwtServiceTokens } from "../../../src/adapters/crypto/service-tokens.ts";
import { instantOf } from "../../../src/core/time.ts";

/** Another service, with the library as it comes. It sends a command until it has heard what that came to. */
export type Service = {
  /** @param id the sender's own: sent again under it the command is the same */
  ask(id: string, type: string, data: object): Promise<unknown>;
  asked(): number;
  close(): Promise<void>;
};

const OUTCOME_MS = 5000;
const PATIENCE_MS = 120_000;

export const openService = async (natsUrl: string, vaultKey: string): Promise<Service> => {
  const tokens = await jwtServiceTokens(Uint8Array.from(Buffer.from(vaultKey, "hex")));
  const token = await tokens.sign("support-desk", instantOf(Date.now()), instantOf(Date.now() + 3_600_000));
  let opening: Promise<NatsConnection> | null = null;
  let count = 0;
  const connection = async (): Promise<NatsConnection> => {
    opening ??= connect({ servers: natsUrl, reconnect: false, timeout: 2000, pingInterval: 1000, maxPingOut: 2 });
    const mine = opening;
    try {
      const nc = await mine;
      if (!nc.isClosed()) return nc;
    } catch (error) {
      if (opening === mine) opening = null;
      throw error;
    }
    if (opening === mine) opening = null;
    return connection();
  };
  const tryOnce = async (id: string, type: string, data: object): Promise<unknown> => {
    const nc = await connection();
    const replyTo = createInbox();
    const reply = nc.subscribe(replyTo, { max: 1, timeout: OUTCOME_MS });
    const written = headers();
    written.set("Authorization", `Bearer ${token}`);
    written.set("Reply-To", replyTo);
    const subject = `billing.commands.${type}`;
    const command = { specversion: "1.0", id, source: "support desk", type: subject, data };
    const heard = (async () => {
      for await (const message of reply) return message.json<{ readonly data: { readonly outcome: unknown } }>();
      throw new Error("no outcome");
    })();
    heard.catch(() => undefined);
    await nc.jetstream({ timeout: 2000 }).publish(subject, JSON.stringify(command), { headers: written });
    return (await heard).data.outcome;
  };
  return {
    ask: async (id, type, data) => {
      count += 1;
      let last: unknown = null;
      for (const begun = performance.now(); performance.now() - begun < PATIENCE_MS; await Bun.sleep(300)) {
        try {
          return await tryOnce(id, type, data);
        } catch (error) {
          last = error;
        }
      }
      throw new Error(`waited ${PATIENCE_MS} ms in vain for the outcome of ${type} ${id}: ${String(last)}`);
    },
    asked: () => count,
    close: async () => {
      const nc = await opening?.catch(() => null);
      await nc?.close();
    },
  };
};
