import { expect, test } from "bun:test";
import { openSeals, ownerOf } from "../../../src/adapters/postgres/seals.ts";
import { Bug } from "../../../src/core/result.ts";
import { accountNamed } from "../../support/cinema.ts";

const MASTER_KEY = new Uint8Array(32).fill(7);

/** As databases hold it: sealed on 25 November 2026 by what Matinee used then, the runtime's Web Crypto. */
const STORED = {
  owner: "acc_01h455vb4pex5vsknk084sn02q",
  place: { kind: "card", name: "card_1" },
  wrapped: Uint8Array.fromHex(
    "ad0d8f6451d52714e757dd13c1750b08f53758926002cc0850685419ade2a57a39f6014254b89845fecf706deebd4e000166aef5ceab13a1fb43c21c",
  ),
  sealed: Uint8Array.fromHex(
    "51264f622a977033be29dc3221b08985c3d89dd01187e77f560fcb9376080837e34931d52221740aa900b9b0",
  ),
  secret: "tk_Ключ-4242",
} as const;

test("a secret that was sealed long ago still opens, in its own place alone", () => {
  const seals = openSeals(MASTER_KEY);
  const { owner, place, wrapped, sealed, secret } = STORED;
  expect(seals.open(owner, wrapped, place, sealed)).toBe(secret);
  for (const opening of [
    () => seals.open(owner, wrapped, { ...place, name: "card_2" }, sealed),
    () => seals.open(owner, wrapped, { ...place, kind: "callback" }, sealed),
    () => seals.open(ownerOf(null), wrapped, place, sealed),
    () => seals.open(owner, wrapped, place, sealed.with(-1, 0)),
    () => seals.open(owner, wrapped, place, sealed.subarray(0, 20)),
    () => openSeals(MASTER_KEY.with(0, 8)).open(owner, wrapped, place, sealed),
  ])
    expect(opening).toThrow(Bug);
});

test("what is sealed now has the form of what was sealed then: Web Crypto opens it", async () => {
  const seals = openSeals(MASTER_KEY);
  const { place, secret } = STORED;
  const owner = accountNamed("anna");
  const key = seals.keyFor(owner);
  const opened = await webOpen(key.key, seals.seal(owner, key, place, secret), `${owner}/card/card_1`);
  expect(new TextDecoder().decode(opened)).toBe(secret);
  expect(await webOpen(MASTER_KEY, key.wrapped ?? new Uint8Array(), `key/${owner}`)).toEqual(new Uint8Array(key.key));
});

const webOpen = async (bytes: Uint8Array, all: Uint8Array, label: string): Promise<Uint8Array> => {
  const key = await crypto.subtle.importKey("raw", new Uint8Array(bytes), "AES-GCM", false, ["decrypt"]);
  const [iv, sealed] = [new Uint8Array(all.subarray(0, 12)), new Uint8Array(all.subarray(12))];
  const additionalData = new TextEncoder().encode(label);
  return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, key, sealed));
};
