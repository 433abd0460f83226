import { err } from "../../../src/core/result.ts";

/**
 * What the application's surroundings do while a request is served.
 * - `fine`: all of them work.
 * - `slow`: what is accepted is not done in time.
 * - `crowded`: the caller has asked too often.
 * - `down`: the database does not answer.
 * - `broken`: our own code fails in the middle, with words that nobody outside should read.
 */
export type Weather = "fine" | "slow" | "crowded" | "down" | "broken";
export type Sky = { weather: Weather };

/** What a failure of ours may say to our log, and to nobody else. */
export const INSIDE = "relation billing.secrets: select hash from accounts where password = 'hunter2'";

/** A port of which the database may go away, or the code break. */
export const underSky = <Port extends object>(port: Port, sky: Sky): Port =>
  new Proxy(port, {
    get: (target, name, receiver) => {
      const member: unknown = Reflect.get(target, name, receiver);
      if (typeof member !== "function") return member;
      return (...given: readonly unknown[]): unknown => {
        if (sky.weather === "down") return Promise.resolve(err({ code: "storage_unavailable", detail: INSIDE }));
        if (sky.weather === "broken") return Promise.reject(new Error(INSIDE));
        return Reflect.apply(member, target, given);
      };
    },
  });
