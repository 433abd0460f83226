-- A callback comes in by one commit with its secrets and the key that seals them; and what was asked for by a request goes by
-- that request's name from the door to the log.
alter table billing.intake add column request_id text collate "C";

-- Accepts a row once, with the secrets that came with it. What is known is answered without a write. Callers of the API may run
-- this and insert nowhere else in billing.
-- `seal`: id of the key that the secrets are sealed with; `wrapped`: that key, where it is new. Answers `said`:
--   accepted   all of it is written
--   known      a row with that id was there: with its fingerprint, and with the outcome once it is done
--   other_key  nothing is written, for the owner has a key, which is answered: the secrets are to be sealed with that
create function billing.accept(entry jsonb, owner_name text, seal uuid, wrapped_key bytea, secrets jsonb) returns table (
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
      (id, kind, fingerprint, body, account_id, attempt_id, gateway_account, transaction_id, request_id, received_at)
    select id, kind, fingerprint, body, account_id, attempt_id, gateway_account, transaction_id, request_id, received_at
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
revoke all on function billing.accept(jsonb, text, uuid, bytea, jsonb) from public;
grant execute on function billing.accept(jsonb, text, uuid, bytea, jsonb) to matinee_api, matinee_updater;

create or replace function billing.accept_check(entry jsonb, since timestamptz) returns boolean
language plpgsql security definer set search_path = pg_catalog, billing, pg_temp as $$
begin
  perform pg_advisory_xact_lock(hashtextextended(entry ->> 'attempt_id', 0));
  if exists (select from billing.intake where id = entry ->> 'id') then
    return true;
  end if;
  if exists (
    select from billing.intake
    where attempt_id = entry ->> 'attempt_id' and kind = 'callback'
      and transaction_id <> entry ->> 'transaction_id' and received_at >= since
  ) then
    return false;
  end if;
  perform billing.accept(entry, null, null, null, '[]');
  return true;
end
$$;
drop function billing.accept_intake(jsonb);
