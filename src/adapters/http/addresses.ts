import { Bug } from "../../core/result.ts";

/** A network address as a number: 32 bits of IPv4 or 128 of IPv6. IPv4 inside IPv6 is IPv4. */
type Address = { readonly bits: 32 | 128; readonly value: bigint };
export type Network = Address & { readonly prefix: number };

export const isNetwork = (text: string): boolean => parseNetwork(text) !== null;

/** Reads "10.0.0.7", "10.0.0.0/8" or "fd00::/8". One that makes no sense is a Bug: configuration has been checked before. */
export const networkOf = (text: string): Network => {
  const network = parseNetwork(text);
  if (network === null) throw new Bug(`no address or network: ${text}`);
  return network;
};

const parseNetwork = (text: string): Network | null => {
  const [host = "", length, ...rest] = text.split("/");
  const address = parseAddress(host);
  const prefix = length === undefined ? (address?.bits ?? 0) : /^\d{1,3}$/.test(length) ? Number(length) : -1;
  if (address === null || rest.length > 0 || prefix < 0 || prefix > address.bits) return null;
  return { ...address, prefix };
};

/**
 * The caller's address. `X-Forwarded-For` is believed as far as trusted proxies have written it, from the right; what stands
 * further left anybody may have made up.
 * @param peer the address at the other end of the connection; null when there is no connection (tests)
 */
export const clientAddress = (
  peer: string | null,
  forwardedFor: string | null,
  trusted: readonly Network[],
): string => {
  let client = peer ?? "unknown";
  const hops = forwardedFor?.split(",").map((hop) => hop.trim()) ?? [];
  while (isTrusted(client, trusted)) {
    const hop = hops.pop();
    if (hop === undefined || parseAddress(hop) === null) break;
    client = hop;
  }
  return canonical(client);
};

/** Whose requests are counted together: an address, of IPv6 the /64 of a household. */
export const addressBucket = (address: string): string => {
  const parsed = parseAddress(address);
  return parsed?.bits === 128 ? `${(parsed.value >> 64n).toString(16).padStart(16, "0")}::/64` : address;
};

const isTrusted = (text: string, trusted: readonly Network[]): boolean => {
  const address = parseAddress(text);
  if (address === null) return false;
  return trusted.some(
    ({ bits, value, prefix }) => bits === address.bits && (address.value ^ value) >> BigInt(bits - prefix) === 0n,
  );
};

/** One spelling for one address, so that limits count it once. */
const canonical = (text: string): string => {
  const address = parseAddress(text);
  if (address === null) return text;
  if (address.bits === 32) return [24n, 16n, 8n, 0n].map((shift) => (address.value >> shift) & 255n).join(".");
  const digits = address.value.toString(16).padStart(32, "0");
  return new URL(`http://[${digits.match(/.{4}/g)?.join(":")}]`).hostname.slice(1, -1);
};

const parseAddress = (text: string): Address | null => (text.includes(":") ? parseSix(text) : parseFour(text));

const parseFour = (text: string): Address | null => {
  const parts = text.split(".");
  const isFour = parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
  return isFour ? { bits: 32, value: parts.reduce((all, part) => (all << 8n) | BigInt(part), 0n) } : null;
};

/** Source: RFC 4291, 2.2. */
const parseSix = (text: string): Address | null => {
  const [, four] = /:([^:]*\.[^:]*)$/.exec(text) ?? [];
  const tail = four === undefined ? null : parseFour(four);
  if (four !== undefined && tail === null) return null;
  const hex = tail === null ? text : `${text.slice(0, -(four ?? "").length)}${twoGroups(tail.value)}`;
  const [left = "", right, ...more] = hex.split("::");
  const [before, after] = [groups(left), groups(right ?? "")];
  const missing = 8 - before.length - after.length;
  if (more.length > 0 || (right === undefined ? missing !== 0 : missing < 1)) return null;
  const all = [...before, ...Array.from({ length: missing }, () => "0"), ...after];
  if (!all.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null;
  const value = all.reduce((number, group) => (number << 16n) | BigInt(`0x${group}`), 0n);
  return value >> 32n === 0xffffn ? { bits: 32, value: value & 0xffffffffn } : { bits: 128, value };
};
const twoGroups = (value: bigint): string => `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
const groups = (text: string): readonly string[] => (text === "" ? [] : text.split(":"));
