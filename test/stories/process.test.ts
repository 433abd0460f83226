import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { pglite } from "../../src/adapters/postgres/pglite.ts";
import { type Books, readBooks } from "../support/books.ts";
import { CARD, newViewer, type OnlineViewer } from "../support/online-viewer.ts";
import { newFolder, runProgram } from "../support/program.ts";
import { type Sandbox, sandboxAt } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

const folder = newFolder();

/** A whole Matinee in a process of its own, over a folder that outlives it. */
const openInstance = async (name: string) => {
  const dataDir = join(folder.path, name);
  const run = () =>
    runProgram("standalone", {
      DATA_DIR: dataDir,
      PORT: "0",
      LOG_LEVEL: "error",
      // Viewers come from addresses of their own.
      TRUSTED_PROXIES: "127.0.0.0/8,::1",
    });
  let program = run();
  let origin = "";
  const isUp = async (): Promise<void> => {
    [, origin = ""] = await program.says(/health\s+(http:\S+)\/health\/ready/);
  };
  await isUp();
  const sandbox = sandboxAt(() => origin, dataDir);
  return {
    origin: () => origin,
    sandbox,
    viewer: () => newViewer(() => origin),
    /** As the kernel does when memory is out: nothing is finished, nothing is said. */
    kill: async (): Promise<void> => {
      program.signal("SIGKILL");
      await program.ended();
    },
    startAgain: async (): Promise<void> => {
      program = run();
      await isUp();
    },
    signal: (signal: NodeJS.Signals): void => void program.signal(signal),
    ended: () => program.ended(),
    /** Of a process that has ended. */
    books: async (): Promise<Books> => {
      const driver = await pglite(join(dataDir, "postgres"));
      try {
        return await readBooks(driver, sandbox);
      } finally {
        await driver.close();
      }
    },
  };
};

const paidInSilence = async (sandbox: Sandbox, viewer: OnlineViewer, invoiceId: string) => {
  await sandbox.befall("lost", { operation: "pay" });
  const { attemptId } = await viewer.pays(invoiceId, CARD.good);
  const [payment] = sandbox.movements(attemptId);
  return sandbox.call("pay", payment?.id ?? 0);
};

let instance: Awaited<ReturnType<typeof openInstance>>;
beforeAll(async () => {
  instance = await openInstance("instance");
});
afterAll(async () => {
  instance.signal("SIGTERM");
  await instance.ended();
  // Whatever was killed above, and whenever: both ledgers are equal.
  const { theirs, ours, held } = await instance.books();
  instance.sandbox.close();
  folder.remove();
  expect(ours).toEqual([...theirs]);
  expect(held.ours).toBe(held.theirs);
});

test("killed between subscribing and paying, and again right after a payment was acknowledged, it loses nothing", async () => {
  const [viewer, other] = [await instance.viewer(), await instance.viewer()];
  const { subscriptionId, invoiceId } = await viewer.subscribes();
  await instance.kill();

  await instance.startAgain();
  await viewer.comesBack();
  await other.comesBack();
  expect(await viewer.subscription(subscriptionId)).toMatchObject({ status: "incomplete" });
  expect((await viewer.invoice(invoiceId)).status).toBe("open");
  const call = await paidInSilence(instance.sandbox, viewer, invoiceId);
  const interrupted = other.asksToSubscribe("interrupted").catch(() => null);
  expect(await instance.sandbox.tell(call)).toEqual({ status: 200, code: 0 });
  await instance.kill();
  await interrupted;

  await instance.startAgain();
  await viewer.comesBack();
  await until("the payment is taken", async () => {
    await Bun.sleep(100); // A caller is counted.
    return viewer.mayWatch();
  });
  expect((await viewer.invoice(invoiceId)).status).toBe("paid");

  // Whose answer was cut off asks again with the same key, and has one subscription.
  await other.comesBack();
  expect((await other.asksToSubscribe("interrupted")).status).toBe(201);
  expect(await other.subscriptions()).toHaveLength(1);
});

test("told to stop under load it answers all that is under way, keeps it, and ends", async () => {
  // Two passwords are hashed at a time: when the first is done the others wait inside.
  const underWay = Array.from({ length: 30 }, () => instance.viewer());
  await Promise.race(underWay);
  instance.signal("SIGTERM");
  const viewers = await Promise.all(underWay);
  expect(new Set(viewers.map(({ accountId }) => accountId)).size).toBe(30);
  expect(await instance.ended()).toMatchObject({ exitCode: 0, err: "" });
  await instance.startAgain();
  for (const viewer of viewers) await viewer.comesBack();
});
