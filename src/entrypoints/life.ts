import type { HttpApp } from "../adapters/http/app.ts";
import type { Log } from "../adapters/telemetry/log.ts";

/** How a process begins to serve, and how it ends without cutting anybody off. */
export type Life = {
  /** From the first signal on: it is ready for nothing new. */
  isDraining(): boolean;
  /** Serves the application; null: somebody else has the port. */
  listen(app: HttpApp, port: number, idleTimeoutS?: number): { readonly port: number } | null;
  /** Goes on until SIGTERM or SIGINT, then ends. A second signal ends it at once. */
  untilToldToStop(stop: () => Promise<void>): void;
};

/** What is running may end; what does not end in this time is cut off, and found again by others or at the next start. */
const DRAIN_MS = 25_000;
/**
 * Requests are still taken for so long after SIGTERM: whoever hands them out must first see that we are not ready any more, and
 * clients that keep their connections are told to let go of them.
 */
const GRACE_MS = 1000;
/** 128 and the signal's number, as a shell would say it. */
const EXIT_ON_SECOND = { SIGINT: 130, SIGTERM: 143 } as const;

export const openLife = (log: Log): Life => {
  let isDraining = false;
  let server: ReturnType<typeof Bun.serve> | null = null;

  const drain = async (signal: keyof typeof EXIT_ON_SECOND, stop: () => Promise<void>): Promise<void> => {
    isDraining = true;
    const deadline = setTimeout(() => {
      log.failed("drain", new Error(`not drained in ${DRAIN_MS} ms`));
      process.exit(1);
    }, DRAIN_MS);
    // A person at a terminal waits for nobody.
    if (signal === "SIGTERM") await Bun.sleep(GRACE_MS);
    await server?.stop();
    await stop();
    clearTimeout(deadline);
    process.exit(0);
  };
  return {
    isDraining: () => isDraining,
    listen: (app, port, idleTimeout = 10) => {
      const fetch: HttpApp["fetch"] = async (request, connection) => {
        const response = await app.fetch(request, connection);
        if (isDraining) response.headers.set("connection", "close");
        return response;
      };
      try {
        // The application itself refuses large bodies, with a problem document.
        server = Bun.serve({ port, reusePort: false, maxRequestBodySize: 64 * 1024 * 1024, idleTimeout, fetch });
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") return null;
        throw error;
      }
      return { port: server.port ?? port };
    },
    untilToldToStop: (stop) => {
      for (const signal of ["SIGTERM", "SIGINT"] as const) {
        process.on(signal, () => {
          if (isDraining) process.exit(EXIT_ON_SECOND[signal]);
          drain(signal, stop).catch((error: unknown) => {
            log.failed("drain", error);
            process.exit(1);
          });
        });
      }
    },
  };
};
