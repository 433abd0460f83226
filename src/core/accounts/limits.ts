import type { Limit, Waits } from "../ports/limits.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../time.ts";

// How often one may try (failures, part 5). Counted where accounts are used, whichever door the request came through.

/** Of one caller's address. */
export const SIGN_UP_LIMITS: readonly Limit[] = [{ name: "sign_up/hour", times: 5, perMs: HOUR_MS }];
/** In a sandbox one person tries many viewers. */
export const SANDBOX_SIGN_UP_LIMITS: readonly Limit[] = [{ name: "sign_up/hour", times: 60, perMs: HOUR_MS }];
export const LOG_IN_LIMITS: readonly Limit[] = [
  { name: "log_in/minute", times: 20, perMs: MINUTE_MS },
  { name: "log_in/hour", times: 300, perMs: HOUR_MS },
];

const FREE_FAILURES = 2;
const LONGEST_WAIT_MS = HOUR_MS;

/** The third failure in a row makes the next try wait a second, each one after it twice as long, an hour at most. */
export const waitAfter = (failures: number): number =>
  failures <= FREE_FAILURES ? 0 : Math.min(SECOND_MS * 2 ** (failures - FREE_FAILURES - 1), LONGEST_WAIT_MS);

/**
 * Of one e-mail, whether anybody has it or not: who waits learns nothing from it. At worst some 40 guesses a day reach the
 * hash. Never a lock: the owner gets in after an hour at the latest, though somebody may make him wait that long.
 */
export const LOG_IN_WAITS: Waits = { name: "log_in/failures", waitMs: waitAfter, forgetAfterMs: DAY_MS };

/**
 * Whose tries are counted together: an IPv4 address, or the /64 of an IPv6 address, for a household or a cheap server is
 * given a whole /64. What is no address is counted under its own text.
 */
export const callerOf = (address: string): string => {
  const groups = groupsOf(address);
  if (groups === null) return address;
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped)
    return groups
      .slice(6)
      .flatMap((group) => [group >> 8, group & 0xff])
      .join(".");
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(":")}::/64`;
};

/** The eight groups of an IPv6 address in any spelling (RFC 4291, 2.2); null: it is none. */
const groupsOf = (address: string): readonly number[] | null => {
  const [bare = ""] = address.split("%"); // What follows names an interface of this machine.
  const [head, tail, ...more] = withoutDots(bare).split("::").map(partsOf);
  if (head === undefined || more.length > 0) return null;
  const absent = 8 - head.length - (tail?.length ?? 0);
  if (tail === undefined ? absent !== 0 : absent < 1) return null;
  const parts = [...head, ...Array<string>(absent).fill("0"), ...(tail ?? [])];
  return parts.every((part) => /^[0-9a-f]{1,4}$/i.test(part)) ? parts.map((part) => Number.parseInt(part, 16)) : null;
};

const partsOf = (text: string): readonly string[] => (text === "" ? [] : text.split(":"));

/** The last 32 bits may be written as an IPv4 address. */
const withoutDots = (address: string): string =>
  address.replace(/(?<=:)(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/, (whole, ...found) => {
    const [a = 256, b = 256, c = 256, d = 256] = found.slice(0, 4).map(Number);
    if ([a, b, c, d].some((byte) => byte > 255)) return whole;
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
