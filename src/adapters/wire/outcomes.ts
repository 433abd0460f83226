import { z } from "zod";
import type { Outcome, RecordedOutcome } from "../../core/ports/storage.ts";
import { Bug } from "../../core/result.ts";
import type { JsonObject } from "./json.ts";
import { pointerOf } from "./malformed.ts";
import { commandId, instant } from "./vocabulary.ts";

const words = z.record(z.string(), z.string());

/** What a command came to, as it is kept and as its asker is told. */
export const outcome = z.discriminatedUnion("ok", [
  z.object({ ok: z.literal(true), value: words }),
  z.object({ ok: z.literal(false), refusal: z.object({ code: z.string(), facts: words }) }),
]) satisfies z.ZodType<Outcome>;
export const recordedOutcome = z.object({
  commandId,
  fingerprint: z.string(),
  outcome,
  recordedAt: instant,
}) satisfies z.ZodType<RecordedOutcome>;

export const encodeOutcome = (value: Outcome): JsonObject =>
  outcome.encode(value as z.output<typeof outcome>) as JsonObject;
/** Reads what we recorded ourselves: what does not fit is a Bug. */
export const decodeOutcome = (body: unknown): Outcome => {
  const decoded = outcome.safeDecode(body as z.input<typeof outcome>);
  if (decoded.success) return decoded.data;
  const where = decoded.error.issues.map(({ path }) => pointerOf(path) || "/").join(", ");
  throw new Bug(`a recorded outcome does not fit at ${where}`);
};
