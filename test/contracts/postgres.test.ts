import { describe, setDefaultTimeout } from "bun:test";
import { hasPostgres } from "../support/services.ts";
import { postgresStore } from "../support/stores.ts";
import { accountsAtRestContract, accountsContract } from "./accounts.ts";
import { checksContract } from "./checks.ts";
import { intakeContract } from "./intake.ts";
import { leasesContract, leasesOfRolesContract } from "./leases.ts";
import { outboxContract } from "./outbox.ts";
import { lateCommitContract } from "./outbox-late.ts";
import { queriesContract } from "./queries.ts";
import { rebuildContract } from "./rebuild.ts";
import { storageContract } from "./storage.ts";
import { sqlConstraintsContract } from "./storage-constraints.ts";
import { openedOnce } from "./subject.ts";
import { encryptedVaultContract, vaultContract, writeOnlyVaultContract } from "./vault.ts";

// The machine that runs this may be busy with much else.
setDefaultTimeout(60_000);

describe.skipIf(!hasPostgres)("On a server", () => {
  const open = openedOnce(() => postgresStore());

  storageContract("PostgreSQL", open);
  storageContract("PostgreSQL with group commit", () => postgresStore({ grouped: true }));
  sqlConstraintsContract("PostgreSQL", open);
  intakeContract("PostgreSQL", open);
  checksContract("PostgreSQL", open);
  outboxContract("PostgreSQL", open);
  lateCommitContract("PostgreSQL", open);
  queriesContract("PostgreSQL", open);
  vaultContract("PostgreSQL", open);
  encryptedVaultContract("PostgreSQL", open);
  writeOnlyVaultContract("PostgreSQL", open);
  accountsContract("PostgreSQL", open);
  accountsAtRestContract("PostgreSQL", open);
  leasesContract("PostgreSQL", open);
  leasesOfRolesContract("PostgreSQL", open);
  rebuildContract("PostgreSQL", () => postgresStore());
});
