import { expect, test } from "bun:test";
import { declineOf } from "../../../src/adapters/cloudpayments/declines.ts";

const codes = Array.from({ length: 10_000 }, (_, code) => `${code}`);
const kindOf = (kind: string) => codes.filter((code) => declineOf(code).kind === kind);

test("only these codes let a payment be tried again by itself", () => {
  const soft = ["5030", "5051", "5061", "5065", "5091", "5092", "5096", "5204", "5300", "5303"];
  expect(kindOf("soft")).toEqual(soft);
});

test("only these codes are our own outage, and only these are the payer's to act on", () => {
  expect(kindOf("our_outage")).toEqual(["3005", "3006", "3007"]);
  expect(kindOf("ask_payer")).toEqual(["5006", "5082", "5206", "5207", "6001"]);
});

test.each([
  ["5051", "insufficient_funds"],
  ["5061", "limit_exceeded"],
  ["5054", "card_expired"],
  ["5014", "card_invalid"],
  ["5043", "card_lost_or_stolen"],
  ["5206", "authentication_failed"],
  ["5034", "suspected_fraud"],
  ["5096", "gateway_unavailable"],
  ["5005", "refused"],
])("%s tells the payer: %s", (code, reason) => {
  expect(declineOf(code).reason).toBe(reason as never);
});

test.each(["", "0", "5999", "05051", "5051.0", "1e3", "toString", "__proto__"])(
  "what is not in the table is hard, %j too",
  (code) => {
    expect(declineOf(code)).toEqual({ kind: "hard", reason: "refused" });
  },
);
