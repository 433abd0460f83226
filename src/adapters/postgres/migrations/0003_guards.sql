-- Rows that stay with whom they belong to, secrets that stay with their key, and an order in which the intake is locked.

-- A card stays with its account, an attempt and a refund (also one that a gateway reports) with their invoice. Storage reports
-- the trigger's name. It looks when the row has been written, so that of two broken rules the uniqueness is named.
create function billing.refuse_move() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise exception 'a row of % does not move to another owner', tg_table_name using errcode = 'unique_violation', constraint = tg_name;
end
$$;
create trigger cards_stay after update on billing.cards for each row
  when (old.account_id <> new.account_id) execute function billing.refuse_move();
create trigger attempts_stay after update on billing.attempts for each row
  when (old.invoice_id <> new.invoice_id) execute function billing.refuse_move();
create trigger refunds_stay after update on billing.refunds for each row
  when (old.invoice_id <> new.invoice_id) execute function billing.refuse_move();

-- A key has an id of its own and a secret names the one that it was sealed with. Under the owner alone, a secret sealed with
-- a key that was destroyed meanwhile could come to stand under the next one, which does not open it.
alter table billing.vault_keys add column key_id uuid not null default gen_random_uuid();
alter table billing.vault_keys add constraint vault_keys_by_id unique (owner, key_id);
alter table billing.vault drop constraint vault_owner_fkey;
alter table billing.vault add column key_id uuid;
update billing.vault secret set key_id = key.key_id from billing.vault_keys key where key.owner = secret.owner;
alter table billing.vault alter column key_id set not null;
alter table billing.vault add constraint vault_key_fkey
  foreign key (owner, key_id) references billing.vault_keys (owner, key_id) on delete cascade;
grant update (key_id) on billing.vault to matinee_api;

-- Wakes what waits for a payment that has just been told of. All of it is locked in the order of its ids before the first is
-- changed, so that two who wake the same rows do not wait for each other in a circle.
create or replace function billing.wake_intake(by_attempt text, by_gateway_account text, by_transaction text) returns void
language plpgsql set search_path = pg_catalog, billing, pg_temp as $$
declare
  wanted text[];
begin
  wanted := array(
    select id from billing.intake
    where wait_until is not null
      and (attempt_id = by_attempt or (gateway_account, transaction_id) = (by_gateway_account, by_transaction))
  );
  perform from billing.intake where id = any (wanted) order by id for update;
  update billing.intake set wait_until = null where id = any (wanted) and wait_until is not null;
end
$$;

-- Writes parts, each whole or not at all, in one round trip. A part holds one commit, or several that have no stream and no
-- row in common: its outcomes; the streams it touches, in the order of their names ("to" is the new version, null where the
-- stream was only read); its events; the rows that go and those that come. Answers an array, one object for each part:
-- {"ok": true} | {"conflict": "version", "stream"} | {"conflict": "done"} | {"conflict": "unique", "constraint"}
-- | {"broken": text}.
-- Every statement finds few rows by key, however large the tables are: plans are made once, by index, and never compiled.
create or replace function billing.commit_all(parts jsonb) returns jsonb
language plpgsql security definer
set search_path = pg_catalog, billing, pg_temp
set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  part jsonb;
  named record;
  recorded integer;
  broken_constraint text;
  message text;
  held text[];
  answers jsonb := '[]';
begin
  -- The intake is locked before all else and in the order of its ids: what is done here, and what waits for the same
  -- payments and will be woken. Two who do callbacks of one payment then wait for each other in one direction only.
  with done as (
    select entry.id, entry.attempt_id, entry.gateway_account, entry.transaction_id
    from jsonb_array_elements(parts) as batch (body)
    cross join lateral jsonb_to_recordset(batch.body -> 'outcomes') as command (command_id text)
    join billing.intake entry on entry.id = command.command_id
    where entry.done_at is null
  ), wanted as (
    select id from done
    union
    select waiting.id
    from done join billing.intake waiting on waiting.wait_until is not null
      and (waiting.attempt_id = done.attempt_id
        or (waiting.gateway_account, waiting.transaction_id) = (done.gateway_account, done.transaction_id))
  )
  select array_agg(id) into held from (
    select id from billing.intake where id = any (array(select id from wanted)) order by id for update
  ) as locked;

  -- Streams are locked in one order everywhere, so that no two batches wait for each other in a circle. What one part alone
  -- touches is in order; of several parts all is locked before the first is written.
  if jsonb_array_length(parts) > 1 then
    for named in
      select touched.stream, bool_or(touched."to" is not null) as writes, bool_or(touched.version = 0) as fresh
      from jsonb_array_elements(parts) as batch (body)
      cross join lateral jsonb_to_recordset(batch.body -> 'streams') as touched (stream text, version integer, "to" integer)
      group by touched.stream
      order by touched.stream collate "C"
    loop
      if named.fresh then
        insert into billing.streams (stream, version, links) values (named.stream, 0, '{}') on conflict do nothing;
      end if;
      if named.writes then
        perform from billing.streams where stream = named.stream for update;
      else
        perform from billing.streams where stream = named.stream for share;
      end if;
    end loop;
  end if;

  for part in select body from jsonb_array_elements(parts) as batch (body) loop
    begin
      -- A stream that does not exist yet gets its row now: whoever inserts the same name waits here.
      for named in
        select * from jsonb_to_recordset(part -> 'streams') as touched (stream text, version integer, "to" integer, links text[])
      loop
        if named."to" is null then
          if named.version = 0 then
            insert into billing.streams (stream, version, links) values (named.stream, 0, '{}') on conflict do nothing;
          end if;
          perform from billing.streams where stream = named.stream and version = named.version for share;
        elsif named.version = 0 then
          insert into billing.streams as known (stream, version, links) values (named.stream, named."to", named.links)
          on conflict (stream) do update set version = excluded.version, links = excluded.links where known.version = 0;
        else
          update billing.streams set version = named."to", links = named.links
          where stream = named.stream and version = named.version;
        end if;
        if not found then
          raise exception using errcode = 'MT002', message = named.stream;
        end if;
      end loop;

      insert into billing.outcomes (command_id, fingerprint, outcome, recorded_at)
      select * from jsonb_to_recordset(part -> 'outcomes')
        as command (command_id text, fingerprint text, outcome jsonb, recorded_at timestamptz)
      on conflict do nothing;
      get diagnostics recorded = row_count;
      if recorded < jsonb_array_length(part -> 'outcomes') then
        raise exception using errcode = 'MT001';
      end if;

      with facts as (
        insert into billing.events (stream, version, type, schema, body, caused_by, recorded_at)
        select * from jsonb_to_recordset(part -> 'events') as fact
          (stream text, version integer, type text, schema integer, body jsonb, caused_by text, recorded_at timestamptz)
        returning stream, version
      )
      insert into billing.outbox (stream, version) select stream, version from facts;

      perform billing.write_rows(part -> 'removed', part -> 'written');

      update billing.intake entry set done_at = command.recorded_at, wait_until = null
      from jsonb_to_recordset(part -> 'outcomes') as command (command_id text, recorded_at timestamptz)
      where entry.id = command.command_id and entry.id = any (held) and entry.done_at is null;
      if found then
        update billing.intake waiting set wait_until = null
        from jsonb_to_recordset(part -> 'outcomes') as command (command_id text)
        join billing.intake done on done.id = command.command_id
        where waiting.wait_until is not null and waiting.id = any (held)
          and (waiting.attempt_id = done.attempt_id
            or (waiting.gateway_account, waiting.transaction_id) = (done.gateway_account, done.transaction_id));
      end if;

      answers := answers || '{"ok": true}'::jsonb;
    exception
      when sqlstate 'MT001' then
        answers := answers || '{"conflict": "done"}'::jsonb;
      when sqlstate 'MT002' then
        get stacked diagnostics message = message_text;
        -- What has been done already is told so, also when others have written to its streams since.
        if exists (
          select from jsonb_to_recordset(part -> 'outcomes') as command (command_id text)
          join billing.outcomes done on done.command_id = command.command_id
        ) then
          answers := answers || '{"conflict": "done"}'::jsonb;
        else
          answers := answers || jsonb_build_object('conflict', 'version', 'stream', message);
        end if;
      when unique_violation or exclusion_violation then
        get stacked diagnostics broken_constraint = constraint_name;
        answers := answers || jsonb_build_object('conflict', 'unique', 'constraint', broken_constraint);
      when check_violation or not_null_violation or foreign_key_violation or data_exception or cardinality_violation then
        get stacked diagnostics broken_constraint = constraint_name, message = message_text;
        answers := answers || jsonb_build_object('broken', message);
    end;
  end loop;
  return answers;
end
$$;
