import { z } from "zod";
import { type ConnectionConfig, connect, REFUSED_MS } from "./connection.ts";

const answer = z.object({ Success: z.boolean() });

/** Asks the gateway to do nothing. @returns null: it answers and knows us; else in words what is wrong */
export const inspectCloudPayments = async (config: ConnectionConfig): Promise<string | null> => {
  const answered = await connect(config)("/test", {});
  if (answered.ok) return answer.safeParse(answered.value).data?.Success === true ? null : STRANGERS;
  const { error } = answered;
  // To a payment it is an outage like others that our credentials are refused.
  const isRefused = error.code === "gateway_unavailable" && error.retryAfterMs === REFUSED_MS;
  return isRefused ? STRANGERS : error.code;
};
const STRANGERS = "it does not know us";
