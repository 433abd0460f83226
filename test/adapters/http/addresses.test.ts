import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { addressBucket, clientAddress, networkOf } from "../../../src/adapters/http/addresses.ts";

const TRUSTED = ["10.0.0.0/8", "192.0.2.7", "fd00::/8"].map(networkOf);

describe("the client's address", () => {
  test.each([
    ["198.51.100.1", null, "198.51.100.1"],
    ["198.51.100.1", "203.0.113.5", "198.51.100.1"],
    ["10.0.0.1", null, "10.0.0.1"],
    ["10.0.0.1", "203.0.113.5", "203.0.113.5"],
    ["10.0.0.1", "203.0.113.5, 198.51.100.9", "198.51.100.9"],
    ["10.0.0.1", "203.0.113.5,198.51.100.9 , 10.9.9.9", "198.51.100.9"],
    ["10.0.0.1", "10.0.0.2", "10.0.0.2"],
    ["192.0.2.7", "203.0.113.5", "203.0.113.5"],
    ["192.0.2.8", "203.0.113.5", "192.0.2.8"],
    ["::ffff:10.0.0.1", "203.0.113.5", "203.0.113.5"],
    ["fd12::1", "2001:DB8:0:0::5", "2001:db8::5"],
    ["10.0.0.1", "'; drop table", "10.0.0.1"],
    ["10.0.0.1", "203.0.113.5, 999.1.1.1", "10.0.0.1"],
    ["10.0.0.1", "", "10.0.0.1"],
    [null, "203.0.113.5", "unknown"],
  ])("of a connection from %p with X-Forwarded-For %p is %p", (peer, forwarded, client) => {
    expect(clientAddress(peer, forwarded, TRUSTED)).toBe(client);
  });

  test("is never one that an untrusted peer has named", () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string())), (peer, hops) => {
        fc.pre(!peer.startsWith("10.") && peer !== "192.0.2.7");
        expect(clientAddress(peer, hops.join(","), TRUSTED)).toBe(peer);
      }),
    );
  });

  test("has one spelling, whatever was sent", () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const once = clientAddress(address, null, []);
        expect(clientAddress(once, null, [])).toBe(once);
        expect(clientAddress(address.toUpperCase(), null, [])).toBe(once);
      }),
    );
  });
});

test("a household of IPv6 is one bucket, an address of IPv4 is another", () => {
  expect(addressBucket("2001:db8:1:2::1")).toBe(addressBucket("2001:db8:1:2:3:4:5:6"));
  expect(addressBucket("2001:db8:1:3::1")).not.toBe(addressBucket("2001:db8:1:2::1"));
  expect(addressBucket("198.51.100.1")).toBe("198.51.100.1");
});

test.each(["", "10.0.0.0/33", "10.0.0", "10.0.0.0/8/8", "fd00::/129", "fd00::/x", "proxy.internal", "10.0.0.1/-1"])(
  "%p is no network to trust",
  (text) => {
    expect(() => networkOf(text)).toThrow("no address or network");
  },
);
