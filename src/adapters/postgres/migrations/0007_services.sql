-- Commands of other services come in by the intake as well. What they come to is told to their sender once it is known, and the
-- mark (told_at) says what is still to be told, whatever the bus has lost.
alter table billing.intake add column service text collate "C";
alter table billing.intake add column service_command text collate "C";
alter table billing.intake add column reply_to text;
alter table billing.intake add column told_at timestamptz(3);
alter table billing.intake add constraint intake_sender check ((service is null) = (service_command is null));
create index intake_untold on billing.intake (done_at, id) where service is not null and told_at is null and done_at is not null;
grant update (told_at) on billing.intake to matinee_updater;

-- Accepts a row once, with the secrets that came with it. What is known is answered without a write. Callers of the API may run
-- this and insert nowhere else in billing.
-- `seal`: id of the key that the secrets are sealed with; `wrapped`: that key, where it is new. Answers `said`:
--   accepted   all of it is written
--   known      a row with that id was there: with its fingerprint, and with the outcome once it is done
--   other_key  nothing is written, for the owner has a key, which is answered: the secrets are to be sealed with that
create or replace function billing.accept(entry jsonb, owner_name text, seal uuid, wrapped_key bytea, secrets jsonb) returns table (
  said text, known_fingerprint text, fingerprint text, outcome jsonb, recorded_at timestamptz, key_id uuid, wrapped bytea
)
language plpgsql security definer set search_path = pg_catalog, billing, pg_temp as $$
#variable_conflict use_column
begin
  -- A loop: who loses a race for the same id finds the winner's row the next time.
  loop
    return query
      select 'known', row.fingerprint, done.fingerprint, done.outcome, done.recorded_at, null::uuid, null::bytea
      from billing.intake row left join billing.outcomes done on done.command_id = row.id
      where row.id = entry ->> 'id';
    if found then
      return;
    end if;

    if wrapped_key is not null then
      insert into billing.vault_keys (owner, key_id, wrapped) values (owner_name, seal, wrapped_key) on conflict do nothing;
      if not found then
        return query
          select 'other_key', null::text, null::text, null::jsonb, null::timestamptz, key.key_id, key.wrapped
          from billing.vault_keys key where key.owner = owner_name;
        return;
      end if;
    end if;

    insert into billing.intake
      (id, kind, fingerprint, body, account_id, attempt_id, gateway_account, transaction_id, request_id, service,
        service_command, reply_to, received_at)
    select id, kind, fingerprint, body, account_id, attempt_id, gateway_account, transaction_id, request_id, service,
      service_command, reply_to, received_at
    from jsonb_populate_record(null::billing.intake, entry)
    on conflict (id) do nothing;
    exit when found;
  end loop;

  perform billing.wake_intake(entry ->> 'attempt_id', entry ->> 'gateway_account', entry ->> 'transaction_id');
  insert into billing.vault as kept (owner, key_id, kind, name, secret, kept_at, expires_at)
  select owner_name, seal, kind, name, decode(sealed, 'base64'), kept_at, expires_at
  from jsonb_to_recordset(secrets)
    as secret (kind text, name text, sealed text, kept_at timestamptz, expires_at timestamptz)
  on conflict (owner, kind, name) do update
    set key_id = excluded.key_id, secret = excluded.secret, kept_at = excluded.kept_at, expires_at = excluded.expires_at;
  return query
    select 'accepted', null::text, null::text, null::jsonb, null::timestamptz, null::uuid, null::bytea;
end
$$;

-- The same for many at once, of those that wait for no payment and bring no secrets. `raced`: somebody else is writing that row
-- at this moment, and it is to be accepted by itself.
create function billing.accept_commands(entries jsonb) returns table (
  id text, said text, known_fingerprint text, fingerprint text, outcome jsonb, recorded_at timestamptz
)
language sql security definer set search_path = pg_catalog, billing, pg_temp as $$
  with given as materialized (
    select * from jsonb_populate_recordset(null::billing.intake, entries)
  ), fresh as (
    insert into billing.intake (id, kind, fingerprint, body, account_id, request_id, service, service_command, reply_to, received_at)
    -- In one order, whoever writes: two who have rows in common wait for each other, and not in a circle.
    select id, kind, fingerprint, body, account_id, request_id, service, service_command, reply_to, received_at
    from given order by id
    on conflict do nothing
    returning intake.id
  )
  select given.id, case when fresh.id is not null then 'accepted' when row.id is not null then 'known' else 'raced' end,
    row.fingerprint, done.fingerprint, done.outcome, done.recorded_at
  from given left join fresh on fresh.id = given.id left join billing.intake row on row.id = given.id
    left join billing.outcomes done on done.command_id = given.id
$$;
revoke all on function billing.accept_commands(jsonb) from public;
grant execute on function billing.accept_commands(jsonb) to matinee_api, matinee_updater;

-- What a database remembers of itself: the first value that is given, whichever process comes first. No process changes one.
create function billing.remember(wanted text, given text) returns text
language plpgsql security definer set search_path = pg_catalog, billing, pg_temp as $$
begin
  insert into billing.settings (name, value) values (wanted, given) on conflict do nothing;
  return (select value from billing.settings where name = wanted);
end
$$;
grant execute on function billing.remember(text, text) to matinee_api, matinee_updater;
revoke insert on billing.settings from matinee_updater;

-- Why was I charged? The API tells a payer the facts of one stream, and has no right to the log as a whole.
create function billing.chain_of(wanted text, after integer, most integer) returns setof billing.events
language sql stable security definer set search_path = pg_catalog, billing, pg_temp as $$
  select * from billing.events where stream = wanted and version > after order by version limit most
$$;
grant execute on function billing.chain_of(text, integer, integer) to matinee_api, matinee_updater;
