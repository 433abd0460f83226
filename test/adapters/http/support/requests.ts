import type { AccountId, CommandId } from "../../../../src/core/ids.ts";
import { ok } from "../../../../src/core/result.ts";
import type { CommandStatus, Requests } from "../../../../src/core/work/requests.ts";
import type { Cinema } from "../../../support/cinema.ts";

/** How the next requests go: done at once, accepted and not answered in time, or not accepted. */
export type Going = "at_once" | "slowly" | "not_at_all";

/** Requests that the real State Updater does at once. */
export const openRequests = (cinema: Cinema) => {
  const known = new Map<CommandId, { readonly accountId: AccountId | null; readonly status: CommandStatus }>();
  let going: Going = "at_once";
  const requests: Requests = {
    ask: async ({ actor, command, accountId, operation, key }) => {
      if (going === "not_at_all")
        return { status: "failed", fault: { code: "storage_unavailable", detail: "hunter2 was refused" } };
      const name = key === null ? undefined : `${accountId} ${operation} ${key}`;
      const received = cinema.received(actor, command, name);
      const { id } = received;
      if (going === "slowly") {
        known.set(id, { accountId, status: { status: "running" } });
        return { status: "running", id };
      }
      const executed = await cinema.updater.execute(received);
      if (executed.status === "failed") throw new Error(`failed: ${executed.fault.code}`);
      const { outcome } = executed;
      if (!outcome.ok && outcome.refusal.code === "command_id_reused") return { status: "key_reused", id };
      known.set(id, { accountId, status: { status: "done", outcome } });
      return { status: "done", id, outcome };
    },
    status: async (id, accountId) => {
      const one = known.get(id);
      return ok(one?.accountId === accountId ? one.status : null);
    },
  };
  return {
    requests,
    go: (how: Going) => {
      going = how;
    },
    ids: () => [...known.keys()],
  };
};
