import type { Intake } from "../ports/intake.ts";
import type { Services } from "../ports/services.ts";

const BATCH_OUTCOMES = 200;

/**
 * Tells other services what their commands came to, and marks it. Dies anywhere: what was told and not marked is told again,
 * under the same id.
 * @returns whether there may be more
 */
export const tellServices = async (
  intake: Pick<Intake, "untold" | "told">,
  services: Pick<Services, "tell">,
): Promise<boolean> => {
  const outcomes = await intake.untold(BATCH_OUTCOMES);
  if (!outcomes.ok || outcomes.value.length === 0) return false;
  const told = await services.tell(outcomes.value);
  if (!told.ok) return false;
  const marked = await intake.told(outcomes.value.map(({ id }) => id));
  return marked.ok && outcomes.value.length === BATCH_OUTCOMES;
};
