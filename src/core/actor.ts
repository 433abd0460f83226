import type { AccountId } from "./ids.ts";

/** Who asks. Taken from the authenticated session or sender, never from a body. */
export type Actor =
  | { readonly kind: "payer"; readonly accountId: AccountId }
  /** A manager or support person; `name` is a staff id, never an e-mail. */
  | { readonly kind: "staff"; readonly name: string; readonly role: StaffRole }
  /** Another service on the bus, by its authenticated name. */
  | { readonly kind: "service"; readonly name: string }
  /** A gateway, through a callback whose signature was verified, or its answer to our own request. */
  | { readonly kind: "gateway"; readonly name: string }
  /** Our own sweeps and workers. */
  | { readonly kind: "system" };
export type StaffRole = "support" | "manager" | "finance" | "owner";
