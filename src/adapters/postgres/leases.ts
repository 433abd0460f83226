import type { Leases } from "../../core/ports/leases.ts";
import { invariant } from "../../core/result.ts";
import type { Driver } from "./driver.ts";
import { answered } from "./faults.ts";

export const postgresLeases = (driver: Driver): Leases => ({
  hold: (name, holder, forMs) =>
    answered(async () => {
      invariant(forMs > 0, "a lease lasts");
      // Who had to wait for the row reads the clock after that: the time is counted anew, and not as it was when he asked.
      const held = await driver.query(
        `insert into billing.leases as lease (name, holder, held_until)
         values ($1, $2, clock_timestamp() + $3::float8 * interval '1 millisecond')
         on conflict (name) do update
           set holder = excluded.holder, held_until = clock_timestamp() + $3::float8 * interval '1 millisecond'
           where lease.holder = excluded.holder or lease.held_until <= clock_timestamp()
         returning true as held`,
        [name, holder, forMs],
      );
      return held.length > 0;
    }),
  release: (name, holder) =>
    answered(async () => {
      await driver.query("delete from billing.leases where name = $1 and holder = $2", [name, holder]);
      return null;
    }),
});
