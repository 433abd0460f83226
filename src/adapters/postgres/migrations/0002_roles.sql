-- The two roles of our processes; both without a login of their own. Roles belong to the cluster: another database may
-- have made them already, or be making them at this moment.
do $$
declare
  ours text;
begin
  foreach ours in array array['matinee_api', 'matinee_updater'] loop
    begin
      execute format('create role %I nologin', ours);
    exception when duplicate_object or unique_violation then null;
    end;
    -- A login acts as the roles that it is a member of. The owner may act as both; any other login is made a member by hand.
    begin
      if not (select rolsuper from pg_roles where rolname = current_user) then
        execute format('grant %I to current_user', ours);
      end if;
    exception when insufficient_privilege or unique_violation then null;
    end;
  end loop;
end
$$;

-- Nothing is open by default, and what later migrations make is not either.
revoke all on schema billing from public;
revoke all on all functions in schema billing from public;
alter default privileges revoke execute on functions from public;
grant usage on schema billing to matinee_api, matinee_updater;

-- The API reads rows and outcomes, and leaves what it has accepted in the intake. It sees no event, no key but to encrypt
-- with, and no secret.
grant select on billing.plans, billing.prices, billing.customers, billing.credits, billing.cards, billing.setups,
  billing.subscriptions, billing.periods, billing.access, billing.notices, billing.invoices, billing.attempts,
  billing.captures, billing.refunds, billing.mismatches, billing.due, billing.settings, billing.outcomes, billing.intake
  to matinee_api;
grant execute on function billing.accept_intake(jsonb) to matinee_api, matinee_updater;
grant select, insert on billing.vault_keys to matinee_api;
-- To keep a secret in the place of an older one the key columns must be readable, and nothing else.
grant select (owner, kind, name), insert, update (secret, kept_at, expires_at) on billing.vault to matinee_api;

-- The State Updater reads everything, commits through the one function, and looks after intake, outbox and vault.
grant select on all tables in schema billing to matinee_updater;
grant execute on function billing.commit_all(jsonb) to matinee_updater;
grant update (wait_until, suspended_at, suspended_because) on billing.intake to matinee_updater;
grant update (relayed_at) on billing.outbox to matinee_updater;
grant insert, delete on billing.vault_keys to matinee_updater;
grant insert, update, delete on billing.vault to matinee_updater;
