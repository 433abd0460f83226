import { afterAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeComplaints, readConfig } from "../../src/entrypoints/config.ts";
import { newFolder } from "../support/program.ts";

const KEY = "0f".repeat(32);
const folder = newFolder();
afterAll(folder.remove);

const file = (name: string, text: string): string => {
  const path = join(folder.path, name);
  writeFileSync(path, text);
  return path;
};
const complaintsOf = (env: Record<string, string>): readonly string[] => {
  const read = readConfig(env);
  return read.ok ? [] : read.complaints.map(({ name }) => name);
};

test("with nothing set everything is embedded", () => {
  expect(readConfig({})).toEqual({
    ok: true,
    config: {
      port: null,
      publicUrl: null,
      dataDir: "./data",
      database: null,
      nats: null,
      redis: null,
      vaultKey: null,
      gateway: { name: "sandbox", url: null },
      trustedProxies: [],
      logLevel: "info",
    },
  });
});

test("a URL that is set means the real component, and its owner is the same login unless another is named", () => {
  const read = readConfig({ DATABASE_URL: "postgres://app@db/matinee", VAULT_KEY: KEY });
  expect(read.ok && read.config.database).toEqual({
    url: "postgres://app@db/matinee",
    ownerUrl: "postgres://app@db/matinee",
    connections: null,
    prepare: true,
    pipeline: true,
    configure: true,
  });
  const servers = readConfig({ NATS_URL: "nats://a:4222,nats://b:4222", NATS_REPLICAS: "3", REDIS_URL: "redis://r" });
  expect(servers).toMatchObject({
    config: { nats: { url: "nats://a:4222,nats://b:4222", replicas: 3 }, redis: { url: "redis://r" } },
  });
  expect(read.ok && read.config.vaultKey).toEqual(new Uint8Array(32).fill(0x0f));
});

test("an empty setting is one that is not set", () => {
  expect(readConfig({ DATABASE_URL: "", PORT: "" })).toEqual(readConfig({}));
});

test("a gateway whose settings are there is meant, and both its secrets are good for callbacks", () => {
  const read = readConfig({
    CLOUDPAYMENTS_PUBLIC_ID: "pk_1",
    CLOUDPAYMENTS_API_SECRET: "new",
    CLOUDPAYMENTS_OLD_API_SECRET: "old",
    PUBLIC_URL: "https://billing.example.com/",
  });
  expect(read).toMatchObject({
    ok: true,
    config: {
      publicUrl: "https://billing.example.com",
      gateway: { name: "cloudpayments", publicId: "pk_1", apiSecrets: ["new", "old"], parallelRequests: 30 },
    },
  });
});

test.each(["http://localhost:8080", "http://127.0.0.1", "http://[::1]:1"])(
  "a sandbox on this machine needs no leave: %s",
  (url) => {
    expect(readConfig({ PUBLIC_URL: url }).ok).toBe(true);
  },
);

test("a sandbox that strangers can reach runs when it is told to", () => {
  expect(readConfig({ PUBLIC_URL: "https://billing.example.com", SANDBOX: "1" }).ok).toBe(true);
});

describe("what is wrong", () => {
  test.each([
    ["a port that is no number", { PORT: "http" }, ["PORT"]],
    ["a port that does not exist", { PORT: "65536" }, ["PORT"]],
    ["a port with a sign", { PORT: "-1" }, ["PORT"]],
    ["a URL of another database", { DATABASE_URL: "mysql://db/x", VAULT_KEY: KEY }, ["DATABASE_URL"]],
    ["half a configuration: an owner of no database", { DATABASE_OWNER_URL: "postgres://db/x" }, ["DATABASE_URL"]],
    ["half a configuration: a server whose secrets have no key", { DATABASE_URL: "postgres://db/x" }, ["VAULT_KEY"]],
    ["a key that is too short", { VAULT_KEY: "0f" }, ["VAULT_KEY"]],
    ["an address that is none", { PUBLIC_URL: "billing.example.com" }, ["PUBLIC_URL"]],
    ["a network that is none", { TRUSTED_PROXIES: "10.0.0.0/8,10.0.0.0/33" }, ["TRUSTED_PROXIES"]],
    ["a level that is none", { LOG_LEVEL: "loud" }, ["LOG_LEVEL"]],
    ["a gateway that we have not", { PAYMENT_GATEWAY: "stripe" }, ["PAYMENT_GATEWAY"]],
    ["a sandbox that strangers can reach", { PUBLIC_URL: "https://billing.example.com" }, ["SANDBOX"]],
    ["half a gateway: no secret", { CLOUDPAYMENTS_PUBLIC_ID: "pk_1" }, ["CLOUDPAYMENTS_API_SECRET"]],
    ["half a gateway: no id", { CLOUDPAYMENTS_API_SECRET: "s" }, ["CLOUDPAYMENTS_PUBLIC_ID"]],
    [
      "a gateway that is named and not set",
      { PAYMENT_GATEWAY: "cloudpayments" },
      ["CLOUDPAYMENTS_PUBLIC_ID", "CLOUDPAYMENTS_API_SECRET"],
    ],
    [
      "settings of a gateway beside the sandbox",
      { PAYMENT_GATEWAY: "sandbox", CLOUDPAYMENTS_PUBLIC_ID: "pk_1", CLOUDPAYMENTS_API_SECRET: "s" },
      ["PAYMENT_GATEWAY"],
    ],
    ["components that this version has not", { SMTP_URL: "smtp://x" }, ["SMTP_URL"]],
    [
      "servers whose addresses are none",
      { NATS_URL: "nats.example.com", NATS_REPLICAS: "0", REDIS_URL: "http://x", DATABASE_PREPARE: "no" },
      ["DATABASE_PREPARE", "NATS_URL", "NATS_REPLICAS", "REDIS_URL"],
    ],
    ["no connection at all", { DATABASE_CONNECTIONS: "0" }, ["DATABASE_CONNECTIONS"]],
    ["a file that is not there", { VAULT_KEY_FILE: "/nowhere/key" }, ["VAULT_KEY_FILE"]],
    [
      "all of them at once",
      { PORT: "x", DATABASE_CONNECTIONS: "x", VAULT_KEY: "x" },
      ["VAULT_KEY", "DATABASE_CONNECTIONS", "PORT"],
    ],
  ])("%s is named", (_, env, names) => {
    expect(complaintsOf(env)).toEqual(names);
  });

  test("a setting that is given twice, as itself and as a file, is refused: nobody can know which was meant", () => {
    expect(complaintsOf({ VAULT_KEY: KEY, VAULT_KEY_FILE: file("twice", KEY) })).toEqual(["VAULT_KEY"]);
  });

  test("is told with what is expected instead, and never with a secret's value", () => {
    const read = readConfig({ PORT: "many", VAULT_KEY: "hunter2", DATABASE_URL: "mysql://root:hunter2@db/x" });
    const text = read.ok ? "" : describeComplaints(read.complaints);
    expect(text).toContain('PORT = "many": expected a port, as in 8080');
    expect(text).toContain("3 settings are wrong");
    expect(text).not.toContain("hunter2");
  });
});

test("a setting may come from a file, whose last line break does not count", () => {
  const read = readConfig({ DATABASE_URL: "postgres://db/x", VAULT_KEY_FILE: file("key", `${KEY}\n`) });
  expect(read.ok && read.config.vaultKey).toEqual(new Uint8Array(32).fill(0x0f));
});
