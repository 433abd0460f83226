import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";

/** What the environment says, checked as a whole. A URL that is set means the real component; unset means the embedded one. */
export type Config = {
  readonly port: number;
  readonly dataDir: string;
  /** Null: PGlite in `dataDir`. */
  readonly database: { readonly url: string; readonly ownerUrl: string; readonly connections: number } | null;
  /** 32 bytes that wrap the vault's keys. Null: made at first start and kept in `dataDir`. */
  readonly vaultKey: Uint8Array | null;
};

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

/** Each setting: how it is read, and what to tell a person whose value does not fit. */
const SETTINGS = {
  PORT: { schema: wholeNumber(0, 65_535), expected: "a port, as in 8080" },
  DATA_DIR: { schema: z.string().min(1), expected: "a folder, as in ./data" },
  DATABASE_URL: { schema: postgresUrl, expected: "postgres://user:password@host:5432/name" },
  DATABASE_OWNER_URL: {
    schema: postgresUrl,
    expected: "postgres://owner:password@host:5432/name, the login that migrates",
  },
  DATABASE_CONNECTIONS: { schema: wholeNumber(1, 100), expected: "a number of connections from 1 to 100" },
  VAULT_KEY: { schema: z.string().regex(/^[0-9a-f]{64}$/), expected: "64 hexadecimal digits: openssl rand -hex 32" },
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
  const read = <Name extends SettingName>(name: Name): z.infer<(typeof SETTINGS)[Name]["schema"]> | null => {
    const raw = text(name);
    if (raw === null) return null;
    const parsed = SETTINGS[name].schema.safeParse(raw);
    if (parsed.success) return parsed.data as z.infer<(typeof SETTINGS)[Name]["schema"]>;
    complaints.push({ name, value: SECRET.has(name) ? null : raw, expected: SETTINGS[name].expected });
    return null;
  };

  const url = read("DATABASE_URL");
  const ownerUrl = read("DATABASE_OWNER_URL");
  const vaultKey = read("VAULT_KEY");
  const connections = read("DATABASE_CONNECTIONS");
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
  const config: Config = {
    port: read("PORT") ?? 8080,
    dataDir: read("DATA_DIR") ?? "./data",
    database: url === null ? null : { url, ownerUrl: ownerUrl ?? url, connections: connections ?? 4 },
    vaultKey: vaultKey === null ? null : Uint8Array.from(Buffer.from(vaultKey, "hex")),
  };
  return complaints.length === 0 ? { ok: true, config } : { ok: false, complaints };
};

const SECRET: ReadonlySet<SettingName> = new Set(["DATABASE_URL", "DATABASE_OWNER_URL", "VAULT_KEY"]);

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
