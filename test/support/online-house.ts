import { invoiceStream } from "../../src/core/billing/stream.ts";
import type { InvoiceId } from "../../src/core/ids.ts";
import type { Report } from "../../src/core/ports/reports.ts";
import type { CommandDone } from "../../src/core/work/updater.ts";
import { application } from "../../src/entrypoints/application.ts";
import { readConfig } from "../../src/entrypoints/config.ts";
import { openGateway } from "../../src/entrypoints/gateway.ts";
import { operatorOf } from "../../src/entrypoints/operator.ts";
import { digest, stateUpdater } from "../../src/entrypoints/parts/ground.ts";
import { applyPlans, FIRST_PLANS } from "../../src/entrypoints/plans.ts";
import { newViewer } from "./online-viewer.ts";
import { newFolder } from "./program.ts";
import { sandboxAt } from "./sandbox.ts";
import { MASTER_KEY, type SqlStore } from "./stores.ts";
import { until } from "./until.ts";

/**
 * All of `standalone` in the test's own process: the real application over a store, on a real port, with the real gateway
 * simulator behind HTTP. So a test may stop what works behind the doors, and move the clock that the process reads.
 */
export const openOnlineHouse = async (store: SqlStore) => {
  const folder = newFolder();
  const read = readConfig({ DATA_DIR: folder.path, TRUSTED_PROXIES: "127.0.0.0/8" });
  if (!read.ok) throw new Error("these settings are right");
  const { config } = read;
  let port = 0;
  const origin = (): string => `http://127.0.0.1:${port}`;
  const gateway = openGateway(config.gateway, {
    dataDir: config.dataDir,
    masterKey: MASTER_KEY,
    publicUrl: origin,
    ownUrl: origin,
  });
  const state = stateUpdater(store, gateway.payments.gatewayAccount);
  const operator = operatorOf(store, state, digest, null);
  await applyPlans(operator, FIRST_PLANS);

  const broken: unknown[] = [];
  const reports: Report[] = [];
  const commands: CommandDone[] = [];
  const log = {
    report: (report: Report) => void reports.push(report),
    request: ({ error }: { readonly error?: unknown }) => void (error === undefined || broken.push(error)),
    failed: (what: string, error: unknown) => void broken.push([what, error]),
    command: (done: CommandDone) => void commands.push(done),
    info: () => undefined,
  };
  const assemble = () => application({ config, masterKey: MASTER_KEY, store, gateway, state, publicUrl: origin, log });
  let app = await assemble();
  const server = Bun.serve({ port: 0, development: false, fetch: (request, at) => app.http.fetch(request, at) });
  port = server.port ?? 0;
  await app.start();
  const sandbox = sandboxAt(origin, config.dataDir);

  return {
    origin: origin(),
    store,
    operator,
    sandbox,
    /** What a person would be woken for. */
    reports,
    /** What the log says of commands. */
    commands,
    /** Faults of our own: there shall be none. */
    broken,
    viewer: () => newViewer(origin),
    /** Bus, updater and tasks stand still; the doors stay open. */
    rest: () => app.stop(),
    /** As a process that is started anew over the same database. */
    goOn: async (): Promise<void> => {
      app = await assemble();
      await app.start();
    },
    close: async (): Promise<void> => {
      await server.stop(true);
      await app.stop();
      await gateway.stop();
      sandbox.close();
      await store.close();
      folder.remove();
    },
  };
};
export type OnlineHouse = Awaited<ReturnType<typeof openOnlineHouse>>;

/** What our own rows say, without asking over HTTP again and again: callers are counted there. */
export const invoiceOf = async ({ store }: OnlineHouse, invoiceId: string) => {
  const rows = await store.queries.invoice(invoiceId as InvoiceId);
  if (!rows.ok || rows.value === null) throw new Error(`no invoice ${invoiceId}`);
  return rows.value;
};
export const factsOf = async ({ store }: OnlineHouse, invoiceId: string): Promise<readonly string[]> => {
  const facts = await store.queries.events(invoiceStream(invoiceId as InvoiceId), 0, 200);
  if (!facts.ok) throw new Error(facts.error.code);
  return facts.value.map(({ event }) => event.type);
};
/** Waits until an invoice has this status, and no refund of its payments is on its way. */
export const becomes = (house: OnlineHouse, invoiceId: string, status: string): Promise<void> =>
  until(`${invoiceId} is ${status}`, async () => {
    const { invoice, captures } = await invoiceOf(house, invoiceId);
    return (
      invoice.status === status &&
      captures.every(({ role, capturedMinor, returnedMinor, reservedMinor }) =>
        role === "extra" ? returnedMinor === capturedMinor : reservedMinor === 0n,
      )
    );
  });
