import { z } from "zod";
import { type ConnectionConfig, connect } from "./connection.ts";

const answer = z.object({ Success: z.boolean() });

/** Asks the gateway to do nothing. @returns null: it answers and knows us; else in words what is wrong */
export const inspectCloudPayments = async (config: ConnectionConfig): Promise<string | null> => {
  const answered = await connect(config)("/test", {});
  if (!answered.ok) return answered.error.code;
  const read = answer.safeParse(answered.value);
  return read.success && read.data.Success ? null : "it does not know us";
};
