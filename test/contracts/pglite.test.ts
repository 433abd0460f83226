import { setDefaultTimeout, test } from "bun:test";
import { pgliteStore } from "../support/stores.ts";
import { accountsAtRestContract, accountsContract } from "./accounts.ts";
import { checksContract } from "./checks.ts";
import { intakeContract } from "./intake.ts";
import { leasesContract } from "./leases.ts";
import { outboxContract } from "./outbox.ts";
import { queriesContract } from "./queries.ts";
import { rebuildContract } from "./rebuild.ts";
import { storageContract } from "./storage.ts";
import { sqlConstraintsContract } from "./storage-constraints.ts";
import { openedOnce } from "./subject.ts";
import { encryptedVaultContract, vaultContract } from "./vault.ts";

// The machine that runs this may be busy with much else.
setDefaultTimeout(60_000);

const open = openedOnce(pgliteStore);

storageContract("PGlite", open);
sqlConstraintsContract("PGlite", open);
intakeContract("PGlite", open);
checksContract("PGlite", open);
outboxContract("PGlite", open);
queriesContract("PGlite", open);
vaultContract("PGlite", open);
encryptedVaultContract("PGlite", open);
accountsContract("PGlite", open);
accountsAtRestContract("PGlite", open);
leasesContract("PGlite", open);
rebuildContract("PGlite", pgliteStore);

test.skip("Outbox with late commits: PGlite has one session, and no two transactions overlap", () => undefined);
test.skip("Vault of the API's role: PGlite has one session, its owner's", () => undefined);
test.skip("Leases of roles: PGlite has one session, its owner's", () => undefined);
