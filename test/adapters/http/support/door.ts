import { z } from "zod";
import type { GatewayDoor } from "../../../../src/adapters/http/ports.ts";
import type { Callbacks, CallbackVerdict } from "../../../../src/core/ports/callbacks.ts";
import { err, ok } from "../../../../src/core/result.ts";
import { GATEWAY, transactionNamed } from "../../../support/cinema.ts";

export const signatureOf = (bytes: Uint8Array | string): string =>
  new Bun.CryptoHasher("sha256", "secret").update(bytes).digest("base64");

const Fail = z.object({ reference: z.string(), transaction: z.string() });

/** A gateway of one kind of callback, "fail": JSON, signed over its raw bytes. What the door took is in `taken`. */
export const openGatewayDoor = () => {
  const taken: { readonly eventKey: string; readonly raw: string }[] = [];
  const unreadable: { readonly kind: string; readonly field: string; readonly raw: string }[] = [];
  let verdict: CallbackVerdict = "accepted";
  const callbacks: Callbacks = {
    gateway: "acme",
    gatewayAccount: GATEWAY,
    read: (kind, { header, body, query, method }) => {
      if (kind !== "fail") return err({ code: "unknown_kind" });
      const signed = method === "GET" ? query : body;
      if (header("x-signature") !== signatureOf(signed)) return err({ code: "not_signed" });
      if (method === "GET") return ok({ eventKey: query, told: { kind: "other", what: "get" } });
      const fail = Fail.safeParse(jsonOf(body));
      if (!fail.success) return err({ code: "malformed", field: "reference" });
      const { reference, transaction } = fail.data;
      const decline = { kind: "soft", reason: "insufficient_funds" } as const;
      const told = { kind: "decline", reference, transactionId: transactionNamed(transaction), decline } as const;
      return ok({ eventKey: `fail ${transaction}`, told });
    },
    answer: (_, given) => ({
      status: given === "try_again" ? 503 : 200,
      contentType: "application/json",
      body: JSON.stringify({ code: given === "accepted" || given === "unreadable" ? 0 : 13 }),
    }),
  };
  const entry: GatewayDoor = {
    callbacks,
    door: {
      take: async ({ eventKey }, { raw }) => {
        taken.push({ eventKey, raw });
        return verdict;
      },
      keepUnreadable: async (kind, field, { raw }) => {
        unreadable.push({ kind, field, raw });
        return "unreadable";
      },
    },
  };
  return {
    entry,
    taken,
    unreadable,
    decides: (next: CallbackVerdict) => {
      verdict = next;
    },
  };
};

const jsonOf = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
};
