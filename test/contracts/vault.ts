import { describe, expect, test } from "bun:test";
import { type Driver, SqlError } from "../../src/adapters/postgres/driver.ts";
import { openSeals } from "../../src/adapters/postgres/seals.ts";
import { openPostgres } from "../../src/adapters/postgres/store.ts";
import { postgresVault } from "../../src/adapters/postgres/vault.ts";
import type { AccountId } from "../../src/core/ids.ts";
import type { VaultKind, VaultSecret } from "../../src/core/ports/vault.ts";
import { Bug } from "../../src/core/result.ts";
import { answered } from "../support/cinema.ts";
import { day, hour, newAccount, newCard, newCommand } from "../support/commits.ts";
import { MASTER_KEY, type SqlStore } from "../support/stores.ts";
import { type Open, type Subject, shared, sqlOf, urlOf } from "./subject.ts";

const secretOf = (over: Partial<VaultSecret> = {}): VaultSecret => ({
  kind: "card",
  name: newCard(),
  secret: "token-4242",
  keptAt: hour(0),
  expiresAt: null,
  ...over,
});

/** What `src/core/ports/vault.ts` promises, asked of one adapter. */
export const vaultContract = (name: string, open: Open): void =>
  describe(`Vault: ${name}`, () => {
    const subject = shared(open);
    describe("keeping", () => keeping(subject));
    describe("erasing", () => erasing(subject));
  });

const keep = async ({ store }: Subject, account: AccountId | null, secret: VaultSecret) =>
  answered(await store.vault.keep(account, secret));
const open = async (
  { store }: Subject,
  account: AccountId | null,
  { kind, name }: Pick<VaultSecret, "kind" | "name">,
) => answered(await store.vault.open(account, kind, name));

const keeping = (subject: Subject): void => {
  test("a secret comes back as it was, whatever is in it", async () => {
    for (const text of ["token-4242", "", "Имя 🎬 \0 \\ '\"", "x".repeat(100_000)]) {
      const [account, secret] = [newAccount(), secretOf({ secret: text })];
      await keep(subject, account, secret);
      expect(await open(subject, account, secret)).toBe(text);
    }
  });

  test("the same kind and name again replaces it, its times as well", async () => {
    const [account, secret] = [newAccount(), secretOf({ expiresAt: hour(-9000) })];
    await keep(subject, account, secret);
    await keep(subject, account, { ...secret, secret: "token-5555", expiresAt: null });
    expect(await open(subject, account, secret)).toBe("token-5555");
    answered(await subject.store.vault.dropExpired(hour(-9000)));
    expect(await open(subject, account, secret)).toBe("token-5555");
  });

  test("accounts, kinds and names are kept apart, and what belongs to no account is the shop's", async () => {
    const [one, two, name] = [newAccount(), newAccount(), newCommand()];
    const places: readonly (readonly [AccountId | null, VaultKind, string])[] = [
      [one, "card", name],
      [one, "callback", name],
      [two, "card", name],
      [null, "callback", name],
      [one, "card", newCard()],
    ];
    for (const [i, [account, kind, place]] of places.entries())
      await keep(subject, account, secretOf({ kind, name: place, secret: `secret ${i}` }));
    for (const [i, [account, kind, place]] of places.entries())
      expect(await open(subject, account, { kind, name: place })).toBe(`secret ${i}`);
    expect(await open(subject, two, { kind: "callback", name })).toBeNull();
    expect(await open(subject, null, { kind: "card", name })).toBeNull();
    expect(await open(subject, newAccount(), { kind: "card", name })).toBeNull();
  });

  test("what is forgotten is gone, and nothing else; to forget it again changes nothing", async () => {
    const [account, secret, other] = [newAccount(), secretOf(), secretOf()];
    await keep(subject, account, secret);
    await keep(subject, account, other);
    for (const owner of [newAccount(), null]) answered(await subject.store.vault.forget(owner, "card", secret.name));
    expect(await open(subject, account, secret)).toBe("token-4242");
    for (let i = 0; i < 2; i += 1) answered(await subject.store.vault.forget(account, "card", secret.name));
    expect(await open(subject, account, secret)).toBeNull();
    expect(await open(subject, account, other)).toBe("token-4242");
  });

  test("what is older than its time is dropped and counted; what has no such time stays", async () => {
    // In a time of its own, for the count is of the whole vault.
    const [account, past] = [newAccount(), (days: number) => day(days - 10_000)];
    const secrets = [past(1), past(2), past(3), null].map((expiresAt) => secretOf({ kind: "callback", expiresAt }));
    for (const [i, secret] of secrets.entries()) await keep(subject, i === 1 ? null : account, secret);
    expect(answered(await subject.store.vault.dropExpired(past(2)))).toBe(2);
    expect(answered(await subject.store.vault.dropExpired(past(2)))).toBe(0);
    const left = await Promise.all(secrets.map((secret, i) => open(subject, i === 1 ? null : account, secret)));
    expect(left).toEqual([null, null, "token-4242", "token-4242"]);
  });

  test("of many who keep a first secret of one account at once none is lost", async () => {
    const account = newAccount();
    const secrets = Array.from({ length: 20 }, (_, i) => secretOf({ secret: `token ${i}` }));
    await Promise.all(secrets.map((secret) => keep(subject, account, secret)));
    for (const secret of secrets) expect(await open(subject, account, secret)).toBe(secret.secret);
  });
};

const erasing = (subject: Subject): void => {
  test("after an account is erased nothing of it opens, and others are untouched", async () => {
    const [erased, other] = [newAccount(), newAccount()];
    const [card, callback] = [secretOf(), secretOf({ kind: "callback" })];
    for (const account of [erased, other, null]) {
      await keep(subject, account, card);
      await keep(subject, account, callback);
    }
    for (let i = 0; i < 2; i += 1) answered(await subject.store.vault.erase(erased));
    for (const secret of [card, callback]) {
      expect(await open(subject, erased, secret)).toBeNull();
      expect(await open(subject, other, secret)).toBe("token-4242");
      expect(await open(subject, null, secret)).toBe("token-4242");
    }
    answered(await subject.store.vault.erase(newAccount()));
  });

  test("what comes after an erasure is kept anew", async () => {
    const [account, before, after] = [newAccount(), secretOf(), secretOf({ secret: "late" })];
    await keep(subject, account, before);
    answered(await subject.store.vault.erase(account));
    await keep(subject, account, after);
    expect(await open(subject, account, after)).toBe("late");
    expect(await open(subject, account, before)).toBeNull();
  });

  test("who keeps while an account is being erased either comes before it and is gone, or after it and opens", async () => {
    for (let round = 0; round < 30; round += 1) {
      const account = newAccount();
      const secrets = Array.from({ length: 4 }, (_, i) => secretOf({ secret: `token ${i}` }));
      await Promise.all([
        ...secrets.slice(0, 2).map((secret) => keep(subject, account, secret)),
        subject.store.vault.erase(account).then(answered),
        ...secrets.slice(2).map((secret) => keep(subject, account, secret)),
      ]);
      for (const secret of secrets) expect([null, secret.secret]).toContain(await open(subject, account, secret));
      await keep(subject, account, secretOf());
    }
  });
};

/** What a vault in a database owes besides: who has the tables alone has nothing. */
export const encryptedVaultContract = (name: string, openSql: () => Promise<SqlStore>): void =>
  describe(`Vault at rest: ${name}`, () => {
    const subject = shared(openSql);
    const sql = () => sqlOf(subject).driver;
    const broken = async (account: AccountId, secret: VaultSecret): Promise<unknown> =>
      subject.store.vault.open(account, secret.kind, secret.name).catch((error: unknown) => error);
    const vaultRow = async (account: AccountId, name: string) => {
      const [found] = await sql().query("select secret from billing.vault where owner = $1 and name = $2", [
        account,
        name,
      ]);
      return found?.["secret"] as Uint8Array;
    };
    const keyRow = async (account: AccountId) => {
      const [found] = await sql().query("select wrapped from billing.vault_keys where owner = $1", [account]);
      return found?.["wrapped"] as Uint8Array;
    };
    const put = (account: AccountId, name: string, secret: Uint8Array) =>
      sql().query("update billing.vault set secret = $3 where owner = $1 and name = $2", [account, name, secret]);

    test("no column holds the secret, and the same secret twice looks different", async () => {
      const [account, one, two] = [newAccount(), secretOf(), secretOf()];
      await keep(subject, account, one);
      await keep(subject, account, two);
      const rows = await sql().query("select vault::text as printed, secret from billing.vault where owner = $1", [
        account,
      ]);
      const [first, second] = rows.map(({ secret }) => new Uint8Array(secret as Uint8Array));
      expect(rows).toHaveLength(2);
      for (const { printed, secret } of rows) {
        expect(String(printed)).not.toContain("4242");
        expect(new TextDecoder().decode(secret as Uint8Array)).not.toContain("4242");
        expect(String(printed)).not.toContain(Buffer.from("token-4242").toString("hex"));
      }
      expect(first).not.toEqual(second);
    });

    test("a secret put under another name, kind or owner does not open", async () => {
      const [account, other] = [newAccount(), newAccount()];
      const [mine, named, stranger] = [secretOf(), secretOf({ secret: "named" }), secretOf({ secret: "stranger" })];
      await keep(subject, account, mine);
      await keep(subject, account, named);
      await keep(subject, other, stranger);
      const sealed = new Uint8Array(await vaultRow(account, mine.name));
      await put(account, named.name, sealed);
      await put(other, stranger.name, sealed);
      await sql().query("update billing.vault set kind = 'callback' where owner = $1 and name = $2", [
        account,
        mine.name,
      ]);
      expect(await broken(account, named)).toBeInstanceOf(Bug);
      expect(await broken(other, stranger)).toBeInstanceOf(Bug);
      expect(await broken(account, { ...mine, kind: "callback" })).toBeInstanceOf(Bug);
    });

    test("a secret with one byte changed does not open", async () => {
      const [account, secret] = [newAccount(), secretOf()];
      await keep(subject, account, secret);
      const sealed = new Uint8Array(await vaultRow(account, secret.name));
      for (const place of [0, 12, sealed.length - 1]) {
        await put(
          account,
          secret.name,
          sealed.map((byte, i) => (i === place ? byte ^ 1 : byte)),
        );
        expect(await broken(account, secret)).toBeInstanceOf(Bug);
      }
      await put(account, secret.name, sealed);
      expect(await open(subject, account, secret)).toBe("token-4242");
    });

    test("another account's key, put in the place of one's own, opens nothing", async () => {
      const [account, thief, secret] = [newAccount(), newAccount(), secretOf()];
      await keep(subject, account, secret);
      await keep(subject, thief, secretOf());
      await sql().query("update billing.vault_keys set wrapped = $2 where owner = $1", [account, await keyRow(thief)]);
      expect(await broken(account, secret)).toBeInstanceOf(Bug);
    });

    test("without the master key nothing opens, and nothing new is kept under an old key", async () => {
      const [account, secret] = [newAccount(), secretOf()];
      await keep(subject, account, secret);
      const stranger = postgresVault(sql(), openSeals(MASTER_KEY.map((byte) => byte + 1)));
      for (const asked of [
        () => stranger.open(account, secret.kind, secret.name),
        () => stranger.keep(account, secretOf()),
      ])
        expect(await asked().catch((error: unknown) => error)).toBeInstanceOf(Bug);
      const friend = postgresVault(sql(), openSeals(MASTER_KEY));
      expect(answered(await friend.open(account, secret.kind, secret.name))).toBe("token-4242");
      expect(() => openSeals(new Uint8Array(16))).toThrow(Bug);
    });

    test("what was sealed with a key that is destroyed meanwhile is sealed anew with the next one", async () => {
      for (const nextHasIt of [false, true]) {
        const [account, secret] = [newAccount(), secretOf()];
        await keep(subject, account, secretOf());
        let writes = 0;
        // The last moment: the secret is sealed, and has not reached the table.
        const late: Driver = {
          ...sql(),
          query: async (text, params) => {
            if (text.includes("insert into billing.vault (") && ++writes === 1) {
              answered(await subject.store.vault.erase(account));
              await keep(subject, account, nextHasIt ? { ...secret, secret: "of the next key" } : secretOf());
            }
            return sql().query(text, params);
          },
        };
        answered(await postgresVault(late, openSeals(MASTER_KEY)).keep(account, secret));
        expect(writes).toBe(2);
        expect(await open(subject, account, secret)).toBe("token-4242");
      }
    });

    test("an erased account leaves neither key nor secret; its secret from a copy does not open with the key that came after", async () => {
      const [account, secret] = [newAccount(), secretOf()];
      await keep(subject, account, secret);
      const [sealed, key] = [
        new Uint8Array(await vaultRow(account, secret.name)),
        new Uint8Array(await keyRow(account)),
      ];
      answered(await subject.store.vault.erase(account));
      const [left] = await sql().query(
        "select (select count(*) from billing.vault where owner = $1) + (select count(*) from billing.vault_keys where owner = $1) as rows",
        [account],
      );
      expect(Number(left?.["rows"])).toBe(0);
      await keep(subject, account, { ...secret, secret: "new" });
      expect(new Uint8Array(await keyRow(account))).not.toEqual(key);
      await put(account, secret.name, sealed);
      expect(await broken(account, secret)).toBeInstanceOf(Bug);
    });
  });

/** What the API's own connection may do with the vault: put things in. */
export const writeOnlyVaultContract = (name: string, openOwner: () => Promise<SqlStore>): void =>
  describe(`Vault of the API's role: ${name}`, () => {
    const subject = shared(openOwner);

    test("it keeps and replaces callbacks, of known accounts and of none, and opens and erases nothing", async () => {
      const api = await openPostgres({ url: urlOf(subject), masterKey: MASTER_KEY, role: "matinee_api" });
      for (const account of [newAccount(), null]) {
        const secret = secretOf({ kind: "callback" });
        answered(await api.vault.keep(account, secret));
        answered(await api.vault.keep(account, { ...secret, secret: "again" }));
        expect(await open(subject, account, secret)).toBe("again");
        const opened = await api.vault.open(account, secret.kind, secret.name).catch((error: unknown) => error);
        expect(opened).toBeInstanceOf(SqlError);
        if (account === null) continue;
        expect(await api.vault.erase(account).catch((error: unknown) => error)).toBeInstanceOf(SqlError);
        expect(await open(subject, account, secret)).toBe("again");
      }
      await api.close();
    });
  });
