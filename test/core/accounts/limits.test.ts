import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { callerOf, LOG_IN_LIMITS, LOG_IN_WAITS, SIGN_UP_LIMITS, waitAfter } from "../../../src/core/accounts/limits.ts";
import { DAY_MS, HOUR_MS } from "../../../src/core/time.ts";
import { LONG, SEED } from "../chance.ts";

const RUNS = LONG ? 100_000 : 2000;
const always = <Args extends unknown[]>(property: fc.IPropertyWithHooks<Args>) =>
  fc.assert(property, { numRuns: RUNS, seed: SEED });

test("the figures are those of the catalogue of failures, part 5", () => {
  expect(SIGN_UP_LIMITS).toEqual([{ name: "sign_up/hour", times: 5, perMs: 3_600_000 }]);
  expect(LOG_IN_LIMITS).toEqual([
    { name: "log_in/minute", times: 20, perMs: 60_000 },
    { name: "log_in/hour", times: 300, perMs: 3_600_000 },
  ]);
});

describe("after failures in a row", () => {
  test.each([
    [1, 0],
    [2, 0],
    [3, 1000],
    [4, 2000],
    [5, 4000],
    [14, 2_048_000],
    [15, HOUR_MS],
    [16, HOUR_MS],
    [10_000, HOUR_MS],
  ])("%i of them make one wait %i ms", (failures, ms) => {
    expect(waitAfter(failures)).toBe(ms);
  });

  test("nobody who waits as told comes to more than 60 tries a day", () => {
    let [at, tries] = [0, 0];
    for (; at < LOG_IN_WAITS.forgetAfterMs; at += waitAfter(tries)) tries += 1;
    expect(tries).toBeGreaterThan(20);
    expect(tries).toBeLessThanOrEqual(60);
    expect(LOG_IN_WAITS.forgetAfterMs).toBe(DAY_MS);
  });
});

describe("tries are counted together", () => {
  test.each([
    ["of one IPv4 address", "192.0.2.7", "192.0.2.7"],
    ["of an IPv4 address written as IPv6", "::ffff:192.0.2.7", "192.0.2.7"],
    ["of one written so in hexadecimal", "::FFFF:c000:207", "192.0.2.7"],
    ["of a /64", "2001:db8:0:1:aaaa:bbbb:cccc:dddd", "2001:db8:0:1::/64"],
    ["of a /64 with its zeros left out", "2001:db8::1", "2001:db8:0:0::/64"],
    ["of a /64 with zeros in front", "2001:0DB8:0000:0001::", "2001:db8:0:1::/64"],
    ["of this machine", "::1", "0:0:0:0::/64"],
    ["of the unspecified address", "::", "0:0:0:0::/64"],
    ["of a neighbour on an interface", "fe80::1%eth0", "fe80:0:0:0::/64"],
    ["of an IPv4 tail that is not mapped", "64:ff9b::192.0.2.7", "64:ff9b:0:0::/64"],
  ])("%s", (_, address, caller) => {
    expect(callerOf(address)).toBe(caller);
  });

  test.each([
    "",
    "unknown",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4::5:6:7:8",
    "g::1",
    "12345::1",
    "::ffff:192.0.2.256",
    "::ffff:1.2.3",
  ])("of %p, which is no IPv6 address, under its own text", (address) => {
    expect(callerOf(address)).toBe(address);
  });

  const group = fc.integer({ min: 0, max: 0xffff });
  test("however one moves within a /64, and not across two", () => {
    always(
      fc.property(
        fc.tuple(group, group, group, group),
        fc.array(group, { minLength: 4, maxLength: 4 }),
        group,
        (net, host, other) => {
          fc.pre(net[0] > 0);
          const written = (groups: readonly number[]): string => groups.map((one) => one.toString(16)).join(":");
          const caller = callerOf(written([...net, ...host]));
          expect(callerOf(written([...net, 0, 0, 0, other]))).toBe(caller);
          expect(callerOf(`${written(net)}::${other.toString(16)}`)).toBe(caller);
          expect(callerOf(written([...net.slice(0, 3), net[3] ^ 1, ...host]))).not.toBe(caller);
        },
      ),
    );
  });

  test("under a name that names itself, whatever text comes as an address", () => {
    always(
      fc.property(fc.oneof(fc.ipV6(), fc.ipV4(), fc.string()), (text) =>
        expect(callerOf(callerOf(text))).toBe(callerOf(text)),
      ),
    );
  });
});
