-- Who does a piece of work that one process at a time does, and until when by this database's clock. No projection and no fact:
-- a row that is lost or too old means that the next one to ask has the work.
create table billing.leases (
  name text collate "C" primary key,
  holder text not null,
  held_until timestamptz not null
);
grant select, insert, update, delete on billing.leases to matinee_updater;
