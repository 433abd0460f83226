-- Accepts a check, unless another transaction of the same attempt was told of since then. Checks of one attempt wait for each
-- other: of two at once the second sees the first. Callers of the API may run this and insert nowhere else in billing.
create function billing.accept_check(entry jsonb, since timestamptz) returns boolean
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
  perform billing.accept_intake(entry);
  return true;
end
$$;
create index intake_callbacks_of_attempt on billing.intake (attempt_id) where kind = 'callback';
revoke all on function billing.accept_check(jsonb, timestamptz) from public;
grant execute on function billing.accept_check(jsonb, timestamptz) to matinee_api, matinee_updater;

-- What a database remembers of itself is written once: whether it is a sandbox's or holds real money, above all.
grant insert on billing.settings to matinee_updater;
