import { openMemory } from "../../../src/adapters/memory/store.ts";
import type { Store } from "../../../src/core/ports/store.ts";
import { type FuzzHouse, openFuzzHouse } from "./house.ts";

export const CALLBACKS = "/payments/api/v1/callbacks/cloudpayments";

/** A call as it comes over the wire. */
export type Call = {
  readonly kind: string;
  readonly method?: "POST" | "GET";
  readonly query?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer> | string | ReadableStream<Uint8Array<ArrayBuffer>> | null;
};
export type Heard = { readonly status: number; readonly text: string; readonly ms: number };

/** A house of which it is counted what the callbacks' door has let in, wherever it would be kept. */
export const openDoorHouse = async () => {
  let kept = 0;
  const count = (): void => {
    kept += 1;
  };
  const house = await openFuzzHouse(counted(openMemory(), count));
  return {
    house,
    /** Rows of the intake and secrets of the vault that were written so far. */
    kept: (): number => kept,
    call: (call: Call): Promise<Heard> => knock(house, call),
  };
};

const counted = (store: Store, count: () => void): Store => ({
  ...store,
  intake: {
    ...store.intake,
    accept: (entry, secrets) => {
      count();
      return store.intake.accept(entry, secrets);
    },
    acceptCheck: (entry, since) => {
      count();
      return store.intake.acceptCheck(entry, since);
    },
  },
  vault: {
    ...store.vault,
    keep: (account, secret) => {
      count();
      return store.vault.keep(account, secret);
    },
  },
});

const knock = async (house: FuzzHouse, { kind, method = "POST", query = "", headers, body }: Call): Promise<Heard> => {
  const address = `http://localhost${CALLBACKS}/${kind}${query === "" ? "" : `?${query}`}`;
  const init = { method, headers, ...(method === "GET" || body === null ? {} : { body }) };
  const sinceMs = performance.now();
  const response = await house.app.fetch(new Request(address, init));
  return { status: response.status, text: await response.text(), ms: performance.now() - sinceMs };
};
