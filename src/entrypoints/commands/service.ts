import type { Command } from "commander";
import { isServiceName, jwtServiceTokens } from "../../adapters/crypto/service-tokens.ts";
import { DAY_MS, formatInstant, instantOf, plusMs } from "../../core/time.ts";
import { masterKeyOf } from "../assemble.ts";
import { configured } from "../boot.ts";
import { fail, print, printJson } from "./output.ts";

/** `matinee service …`: other services that may ask over the bus. */
export const serviceCommands = (program: Command): void => {
  program
    .command("service")
    .description("other services that ask over the bus")
    .command("token <name>")
    .description("what a service shows with each of its commands; signed with VAULT_KEY, and good until it ends")
    .option("--days <days>", "how long it is good", "90")
    .option("--json", "as JSON, with its end")
    .action(async (name: string, options: { readonly days: string; readonly json?: true }) => {
      if (!isServiceName(name))
        return fail("A service is called by small letters, digits and hyphens, a letter first.");
      const days = Number(options.days);
      if (!Number.isInteger(days) || days < 1 || days > 3650) return fail("--days is a whole number from 1 to 3650.");
      const tokens = await jwtServiceTokens(masterKeyOf(configured()));
      const issuedAt = instantOf(Date.now());
      const expiresAt = plusMs(issuedAt, days * DAY_MS);
      const token = await tokens.sign(name, issuedAt, expiresAt);
      if (options.json) return printJson({ service: name, token, expiresAt: formatInstant(expiresAt) });
      print(token);
    });
};
