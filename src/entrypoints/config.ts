import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";
import { isNetwork } from "../adapters/http/addresses.ts";

/** What the environment says, checked as a whole. A URL that is set means the real component; unset means the embedded one. */
export type Config = {
  /** Null: what the entrypoint takes by itself. */
  readonly port: number | null;
  /** Where people and gateways reach us, without a slash at the end. Null: this machine, at `port`. */
  readonly publicUrl: string | null;
  readonly dataDir: string;
  /** Null: PGlite in `dataDir`. */
  readonly database: DatabaseConfig | null;
  /** Null: the bus in this process. */
  readonly nats: { readonly url: string; readonly replicas: number | null } | null;
  /** Null: tasks in this process. */
  readonly redis: { readonly url: string } | null;
  /** 32 bytes that wrap the vault's keys. Null: made at first start and kept in `dataDir`. */
  readonly vaultKey: Uint8Array | null;
  readonly gateway: GatewayConfig;
  /** Addresses and networks whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  readonly logLevel: LogLevel;
};
export type DatabaseConfig = {
  readonly url: string;
  readonly ownerUrl: string;
  /** Null: by the number of cores. */
  readonly connections: number | null;
  readonly prepare: boolean;
  readonly pipeline: boolean;
  readonly configure: boolean;
};
export type GatewayConfig =
  /** Our own simulator: in this process, or (`url`) in one of its own. */
  | { readonly name: "sandbox"; readonly url: string | null }
  | {
      readonly name: "cloudpayments";
      readonly publicId: string;
      /** The first signs what we ask; each is good for what we are told, so that a new one can take over. */
      readonly apiSecrets: readonly string[];
      readonly apiUrl: string;
      readonly parallelRequests: number;
    };
export type LogLevel = (typeof LOG_LEVELS)[number];

type Complaint = { readonly name: string; readonly value: string | null; readonly expected: string };
export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly complaints: readonly Complaint[] };

const wholeNumber = (from: number, to: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number)
    .pipe(z.number().min(from).max(to));
const postgresUrl = z.string().regex(/^postgres(ql)?:\/\/\S+$/);
const natsUrls = z.string().regex(/^(nats|tls):\/\/[^\s,]+(,(nats|tls):\/\/[^\s,]+)*$/);
const yesOrNo = z.enum(["0", "1"]);

const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;
const httpUrl = z.string().regex(/^https?:\/\/[^\s/?#]+(\/[^\s?#]*)?$/);

/** Each setting: how it is read, and what to tell a person whose value does not fit. */
const SETTINGS = {
  PORT: { schema: wholeNumber(0, 65_535), expected: "a port, as in 8080" },
  PUBLIC_URL: { schema: httpUrl, expected: "the address that people open, as in https://billing.example.com" },
  DATA_DIR: { schema: z.string().min(1), expected: "a folder, as in ./data" },
  DATABASE_URL: {
    schema: postgresUrl,
    expected: "postgres://user:password@host:5432/name, or several hosts with commas between them",
  },
  DATABASE_OWNER_URL: {
    schema: postgresUrl,
    expected: "postgres://owner:password@host:5432/name, the login that migrates",
  },
  DATABASE_CONNECTIONS: { schema: wholeNumber(1, 100), expected: "a number of connections from 1 to 100" },
  DATABASE_PREPARE: {
    schema: yesOrNo,
    expected: "0 where a pooler stands before the server that keeps no prepared statements, or 1",
  },
  DATABASE_PIPELINE: {
    schema: yesOrNo,
    expected: "0 where a pooler stands before the server that takes one statement at a time, or 1",
  },
  DATABASE_CONFIGURE: {
    schema: yesOrNo,
    expected: "0 where a pooler refuses settings at connect, so that the login must have them, or 1",
  },
  NATS_URL: {
    schema: natsUrls,
    expected: "nats://user:password@host:4222, or several with commas between them",
  },
  NATS_REPLICAS: { schema: wholeNumber(1, 5), expected: "1, or 3 or 5 in a cluster" },
  REDIS_URL: { schema: z.string().regex(/^rediss?:\/\/\S+$/), expected: "redis://user:password@host:6379" },
  VAULT_KEY: { schema: z.string().regex(/^[0-9a-f]{64}$/), expected: "64 hexadecimal digits: openssl rand -hex 32" },
  PAYMENT_GATEWAY: { schema: z.enum(["sandbox", "cloudpayments"]), expected: "sandbox or cloudpayments" },
  CLOUDPAYMENTS_PUBLIC_ID: {
    schema: z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/),
    expected: "the Public ID of your site, as in pk_0123456789abcdef",
  },
  CLOUDPAYMENTS_API_SECRET: { schema: z.string().regex(/^\S+$/), expected: "the API secret of your site" },
  CLOUDPAYMENTS_OLD_API_SECRET: {
    schema: z.string().regex(/^\S+$/),
    expected: "the secret before this one, while callbacks may still be signed with it",
  },
  CLOUDPAYMENTS_API_URL: { schema: httpUrl, expected: "an address, as in https://api.cloudpayments.ru" },
  CLOUDPAYMENTS_PARALLEL_REQUESTS: {
    schema: wholeNumber(1, 1000),
    expected: "a number of requests from 1 to 1000; a live site allows 30, a test site 5",
  },
  SANDBOX: { schema: yesOrNo, expected: "1, or nothing" },
  SANDBOX_URL: {
    schema: httpUrl,
    expected: "where the sandbox's own process is reached, by us and by browsers, as in http://localhost:8090",
  },
  TRUSTED_PROXIES: {
    schema: z
      .string()
      .transform((list) => list.split(",").map((one) => one.trim()))
      .refine((list) => list.every(isNetwork)),
    expected: "addresses or networks with commas between them, as in 10.0.0.0/8,192.168.1.7",
  },
  LOG_LEVEL: { schema: z.enum(LOG_LEVELS), expected: LOG_LEVELS.join(", ") },
} as const;
type SettingName = keyof typeof SETTINGS;

/** Reads the environment. All that is wrong is told at once, by name, with what is expected instead. */
export const readConfig = (env: Readonly<Record<string, string | undefined>>): ConfigResult => {
  const complaints: Complaint[] = [];
  const text = (name: SettingName): string | null => {
    const [plain, file] = [env[name], env[`${name}_FILE`]];
    if (plain !== undefined && file !== undefined) {
      complaints.push({ name, value: null, expected: `one of ${name} and ${name}_FILE, not both` });
    }
    if (file === undefined) return plain === undefined || plain === "" ? null : plain;
    if (existsSync(file)) return readFileSync(file, "utf8").trim();
    complaints.push({ name: `${name}_FILE`, value: file, expected: "a file that exists" });
    return null;
  };
  const read: Read = (name) => {
    const raw = text(name);
    if (raw === null) return null;
    const parsed = SETTINGS[name].schema.safeParse(raw);
    if (parsed.success) return parsed.data as never;
    complaints.push({ name, value: SECRET.has(name) ? null : raw, expected: SETTINGS[name].expected });
    return null;
  };

  const url = read("DATABASE_URL");
  const ownerUrl = read("DATABASE_OWNER_URL");
  const vaultKey = read("VAULT_KEY");
  const connections = read("DATABASE_CONNECTIONS");
  const prepare = read("DATABASE_PREPARE") !== "0";
  const pipeline = read("DATABASE_PIPELINE") !== "0";
  const configure = read("DATABASE_CONFIGURE") !== "0";
  const natsUrl = read("NATS_URL");
  const replicas = read("NATS_REPLICAS");
  const redisUrl = read("REDIS_URL");
  if (ownerUrl !== null && url === null) {
    complaints.push({ name: "DATABASE_URL", value: null, expected: "to be set as well when DATABASE_OWNER_URL is" });
  }
  if (url !== null && vaultKey === null) {
    complaints.push({
      name: "VAULT_KEY",
      value: null,
      expected: `to be set with DATABASE_URL: ${SETTINGS.VAULT_KEY.expected}`,
    });
  }
  const publicUrl = read("PUBLIC_URL");
  const gateway = readGateway(read, complaints);
  const isSandboxWanted = read("SANDBOX") === "1";
  if (gateway.name === "sandbox" && publicUrl !== null && !isLoopback(publicUrl) && !isSandboxWanted) {
    complaints.push({
      name: "SANDBOX",
      value: null,
      expected:
        "to be 1 when PUBLIC_URL is not this machine and no gateway is set: with the sandbox anybody subscribes without paying. For real money set CLOUDPAYMENTS_PUBLIC_ID and CLOUDPAYMENTS_API_SECRET",
    });
  }
  for (const name of NOT_YET) {
    const isSet = (env[name] ?? "") !== "" || env[`${name}_FILE`] !== undefined;
    if (isSet) complaints.push({ name, value: null, expected: "to be unset: this version has only the embedded part" });
  }
  const config: Config = {
    port: read("PORT"),
    publicUrl: publicUrl?.replace(/\/+$/, "") ?? null,
    dataDir: read("DATA_DIR") ?? "./data",
    database: url === null ? null : { url, ownerUrl: ownerUrl ?? url, connections, prepare, pipeline, configure },
    nats: natsUrl === null ? null : { url: natsUrl, replicas },
    redis: redisUrl === null ? null : { url: redisUrl },
    vaultKey: vaultKey === null ? null : Uint8Array.from(Buffer.from(vaultKey, "hex")),
    gateway,
    trustedProxies: read("TRUSTED_PROXIES") ?? [],
    logLevel: read("LOG_LEVEL") ?? "info",
  };
  return complaints.length === 0 ? { ok: true, config } : { ok: false, complaints };
};

type Read = <Name extends SettingName>(name: Name) => z.infer<(typeof SETTINGS)[Name]["schema"]> | null;

/** A gateway whose settings are there is meant, unless another is named. */
const readGateway = (read: Read, complaints: Complaint[]): GatewayConfig => {
  const publicId = read("CLOUDPAYMENTS_PUBLIC_ID");
  const apiSecret = read("CLOUDPAYMENTS_API_SECRET");
  const oldApiSecret = read("CLOUDPAYMENTS_OLD_API_SECRET");
  const apiUrl = read("CLOUDPAYMENTS_API_URL");
  const parallelRequests = read("CLOUDPAYMENTS_PARALLEL_REQUESTS");
  const isGiven = [publicId, apiSecret, oldApiSecret, apiUrl, parallelRequests].some((one) => one !== null);
  const name = read("PAYMENT_GATEWAY") ?? (isGiven ? "cloudpayments" : "sandbox");
  const url = read("SANDBOX_URL")?.replace(/\/+$/, "") ?? null;
  if (name === "sandbox") {
    if (isGiven) {
      const expected = "to be cloudpayments, or the settings CLOUDPAYMENTS_* to be unset";
      complaints.push({ name: "PAYMENT_GATEWAY", value: name, expected });
    }
    return { name, url };
  }
  for (const [missing, value] of [
    ["CLOUDPAYMENTS_PUBLIC_ID", publicId],
    ["CLOUDPAYMENTS_API_SECRET", apiSecret],
  ] as const) {
    const isTold = complaints.some((complaint) => complaint.name === missing);
    if (value === null && !isTold) {
      const expected = `to be set with the gateway cloudpayments: ${SETTINGS[missing].expected}`;
      complaints.push({ name: missing, value: null, expected });
    }
  }
  return {
    name,
    publicId: publicId ?? "",
    apiSecrets: [apiSecret, oldApiSecret].filter((secret) => secret !== null),
    apiUrl: apiUrl ?? "https://api.cloudpayments.ru",
    parallelRequests: parallelRequests ?? (publicId?.startsWith("test_") ? 5 : 30),
  };
};

const isLoopback = (url: string): boolean => {
  const { hostname } = new URL(url);
  return hostname === "localhost" || hostname === "[::1]" || /^127\./.test(hostname);
};

/** Settings of real components that this version has none of: passed over in silence they would be taken for used. */
const NOT_YET = ["SMTP_URL"] as const;

const SECRET: ReadonlySet<SettingName> = new Set([
  "DATABASE_URL",
  "DATABASE_OWNER_URL",
  "NATS_URL",
  "REDIS_URL",
  "VAULT_KEY",
  "CLOUDPAYMENTS_API_SECRET",
  "CLOUDPAYMENTS_OLD_API_SECRET",
]);

/** For sysexits' EX_CONFIG: 78. */
export const EXIT_CONFIG = 78;

export const describeComplaints = (complaints: readonly Complaint[]): string =>
  [
    `Matinee cannot start: ${complaints.length} setting${complaints.length === 1 ? " is" : "s are"} wrong.`,
    ...complaints.map(
      ({ name, value, expected }) =>
        `  ${name}${value === null ? "" : ` = ${JSON.stringify(value)}`}: expected ${expected}`,
    ),
  ].join("\n");
