import { expect, test } from "bun:test";
import { openOnlineHouse } from "../support/online-house.ts";
import { pgliteStore } from "../support/stores.ts";

const program = new URL("../../src/entrypoints/demo.ts", import.meta.url).pathname;

const demo = async (origin: string) => {
  const child = Bun.spawn([process.execPath, program, origin], {
    env: { PATH: process.env["PATH"] ?? "" },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { out, err, exitCode };
};

test("the demonstration ends well on a fresh instance, and with 1 where the gateway tells a wrong sum", async () => {
  const house = await openOnlineHouse(await pgliteStore());
  try {
    const well = await demo(house.origin);
    expect(well).toMatchObject({ exitCode: 0, err: "" });
    expect(well.out).toMatch(/All as it should be: 11 steps, 10 events\.\n$/);
    await house.sandbox.befall("wrong_amount", { operation: "pay", times: "all" });
    const ill = await demo(house.origin);
    expect(ill.exitCode).toBe(1);
    expect(ill.err).toMatch(/Step 6 differs\. New events: expected .*PaymentSucceeded.*, came .*PaymentMismatched/);
    // No token, and no colours where nobody sees them.
    for (const { out } of [well, ill]) {
      expect(out).not.toContain("eyJ");
      expect(out).not.toContain("\u001b");
    }
  } finally {
    await house.close();
  }
});

test("the demonstration refuses to run where nothing answers, and where the gateway is a real one", async () => {
  expect(await demo("http://127.0.0.1:1")).toMatchObject({
    exitCode: 1,
    err: expect.stringContaining("Nothing answers at http://127.0.0.1:1. Start Matinee first"),
  });
  using live = Bun.serve({
    port: 0,
    routes: { "/health/ready": Response.json({ status: "ready", parts: {} }) },
    fetch: () => new Response(null, { status: 404 }),
  });
  const refused = await demo(`http://127.0.0.1:${live.port}`);
  expect(refused.exitCode).toBe(1);
  expect(refused.err).toContain("needs the sandbox");
});
