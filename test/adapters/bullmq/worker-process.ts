import { bullmqTasks } from "../../../src/adapters/bullmq/tasks.ts";

// A process that works, and says so. Told to hang it never comes to an end with its first row. SIGTERM stops it.
const [url = "", prefix = "", mode = ""] = process.argv.slice(2);
const tasks = bullmqTasks({ url, prefix, lapse: { lockMs: 1000, checkMs: 500 }, onError: () => undefined });
await tasks.work(["send_refund"], async ({ subject }) => {
  console.log(`begins ${subject}`);
  if (mode === "hangs") await new Promise(() => undefined);
  return { status: "done" };
});
await tasks.schedule("tick", 200, async () => console.log("ticks"));
process.on("SIGTERM", () => void tasks.close().then(() => process.exit(0)));
console.log("works");
