import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { sandboxCredentials } from "../../src/entrypoints/gateway.ts";
import { freePort } from "../support/free-port.ts";
import { expectSentence, newFolder, runProgram } from "../support/program.ts";

const folder = newFolder();
afterAll(folder.remove);
const KEY = "0f".repeat(32);
const env = (name: string, over: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  DATA_DIR: join(folder.path, name),
  VAULT_KEY: KEY,
  PORT: "0",
  LOG_LEVEL: "error",
  ...over,
});

test("it says where it is, whom it calls and what others are to be told, and knows who has the same key", async () => {
  const port = freePort();
  const url = `http://localhost:${port}`;
  const settings = env("one", { SANDBOX_URL: url, PORT: `${port}`, PUBLIC_URL: "http://localhost:1" });
  await using program = runProgram("sandbox", settings);
  await program.says(/its calls {3}http:\/\/localhost:1\n/);
  await program.says(new RegExp(`tell others SANDBOX_URL=${url}\n`));
  expect((await fetch(`${url}/sandbox/cloudpayments/`)).status).toBe(200);

  // Whoever runs over the same key signs in by what follows from it; nobody has to carry it over.
  const asks = ({ publicId, apiSecret }: ReturnType<typeof sandboxCredentials>) =>
    fetch(`${url}/sandbox/cloudpayments/test`, {
      method: "POST",
      headers: { authorization: `Basic ${btoa(`${publicId}:${apiSecret}`)}` },
    });
  const known = sandboxCredentials(new Uint8Array(32).fill(0x0f));
  expect(await (await asks(known)).json()).toMatchObject({ Success: true });
  const { apiSecret } = sandboxCredentials(new Uint8Array(32).fill(0x1e));
  expect((await asks({ ...known, apiSecret })).status).toBe(401);

  const second = await runProgram("sandbox", { ...settings, DATA_DIR: join(folder.path, "two") }).ended();
  expectSentence(second, `Port ${port} is in use.`);
  program.signal("SIGINT");
  expect(await program.ended()).toMatchObject({ err: "", exitCode: 0 });
});

test("with a real gateway there is none, nor on a public address that does not ask for it", async () => {
  const real = { CLOUDPAYMENTS_PUBLIC_ID: "pk_1", CLOUDPAYMENTS_API_SECRET: "hunter2" };
  expectSentence(await runProgram("sandbox", env("real", real)).ended(), "There is no sandbox");
  const open = env("open", { PUBLIC_URL: "https://billing.example.com" });
  expectSentence(await runProgram("sandbox", open).ended(), "SANDBOX: expected to be 1", 78);
});
