import { exportJWK, importJWK } from "jose";
import { invariant } from "../../core/result.ts";

/** Of every signature that is made with these keys: Ed25519. */
export const ALGORITHM = "EdDSA";

/** An Ed25519 private key in PKCS #8 is this, and then its 32 bytes (RFC 8410, 7). */
const PKCS8_HEAD = Uint8Array.fromHex("302e020100300506032b657004220420");

/**
 * A pair of keys that follows from the master key and a label, so that all processes have the same and it is stored nowhere.
 * @param masterKey 32 bytes
 * @param label what is signed with it; another label, another pair
 */
export const signingKeys = async (
  masterKey: Uint8Array,
  label: string,
): Promise<{ readonly privateKey: CryptoKey; readonly publicKey: CryptoKey | Uint8Array }> => {
  invariant(masterKey.length === 32, "the master key has 32 bytes");
  const master = await crypto.subtle.importKey("raw", Uint8Array.from(masterKey), "HKDF", false, ["deriveBits"]);
  const info = new TextEncoder().encode(label);
  const seed = await crypto.subtle.deriveBits(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info },
    master,
    256,
  );
  const pkcs8 = Uint8Array.from([...PKCS8_HEAD, ...new Uint8Array(seed)]);
  const privateKey = await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", true, ["sign"]);
  const { d: _, ...publicJwk } = await exportJWK(privateKey);
  return { privateKey, publicKey: await importJWK(publicJwk, ALGORITHM) };
};
