import { natsBus } from "../../src/adapters/nats/bus.ts";
import { openNats } from "../../src/adapters/nats/connection.ts";
import { natsServices } from "../../src/adapters/nats/services.ts";
import type { Bus } from "../../src/core/ports/bus.ts";
import type { Fact } from "../../src/core/ports/outbox.ts";
import type { Services } from "../../src/core/ports/services.ts";
import type { OwnNats } from "./own-nats.ts";
import { until } from "./until.ts";

/** What one process has of NATS. */
export type NatsHouse = {
  readonly bus: Bus;
  readonly services: Services;
  readonly isReady: () => boolean;
  readonly close: () => Promise<void>;
  /** What went into the log, and what handlers threw. */
  readonly told: string[];
};

export const natsHouse = async (servers: string): Promise<NatsHouse> => {
  const told: string[] = [];
  const log = {
    info: (what: string) => void told.push(what),
    failed: (what: string, error: unknown) => void told.push(`${what}: ${String(error)}`),
  };
  const nats = await openNats({ servers, name: "test", log });
  const onError = (error: unknown): void => void told.push(String(error));
  return {
    bus: natsBus(nats, onError),
    services: natsServices(nats, { onError }),
    isReady: nats.isReady,
    close: nats.close,
    told,
  };
};

/** As the relay does: again and again, until the bus has them. */
export const publishAtLast = (bus: Bus, facts: readonly Fact[]): Promise<void> =>
  until("they are published", async () => (await bus.publish(facts)).ok, 20_000);

/** The houses of one test file, on a server of its own; each test begins with an empty one. */
export const natsHouses = (server: () => OwnNats) => {
  const houses: NatsHouse[] = [];
  return {
    /** @param login as in "user:password", where the server asks for one */
    enter: async (login: string | null = null): Promise<NatsHouse> => {
      const { url } = server();
      const house = await natsHouse(login === null ? url : url.replace("nats://", `nats://${login}@`));
      houses.push(house);
      return house;
    },
    /** To be called after each test. */
    leave: async (): Promise<void> => {
      await Promise.all(houses.splice(0).map((house) => house.close()));
      await server().kill();
      server().wipe();
      await server().start();
    },
  };
};
