-- The log, what follows from it, and the two doors: intake and outbox. Everything of billing lives in this schema.

create extension if not exists btree_gist;
create schema billing;

-- Streams and their facts. A stream's row is what writers lock; version 0 is a place kept for one that does not exist yet.
create table billing.streams (
  stream text collate "C" primary key,
  version integer not null,
  links text[] not null
);

create table billing.events (
  stream text collate "C" not null,
  version integer not null check (version > 0),
  type text collate "C" not null,
  schema integer not null,
  body jsonb not null,
  caused_by text collate "C" not null,
  recorded_at timestamptz(3) not null,
  primary key (stream, version)
);

create function billing.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'events are never changed: % on %', tg_op, tg_table_name using errcode = 'restrict_violation';
end
$$;
create trigger events_stand before update or delete on billing.events for each row execute function billing.refuse_change();
create trigger events_stay before truncate on billing.events for each statement execute function billing.refuse_change();

create table billing.outcomes (
  command_id text collate "C" primary key,
  fingerprint text not null,
  outcome jsonb not null,
  recorded_at timestamptz(3) not null
);
create index outcomes_by_age on billing.outcomes (recorded_at);

-- Messages on their way out. The mark (relayed_at) says what is still to be published, in any copy of the database; the
-- transaction id gives readers an order that a late commit cannot slip behind.
create table billing.outbox (
  position bigint generated always as identity primary key,
  xid xid8 not null default pg_current_xact_id(),
  stream text collate "C" not null,
  version integer not null,
  relayed_at timestamptz(3)
);
create index outbox_unrelayed on billing.outbox (position) where relayed_at is null;
create index outbox_in_order on billing.outbox (xid, position);

create table billing.intake (
  id text collate "C" primary key,
  kind text not null check (kind in ('command', 'callback')),
  fingerprint text not null,
  body text not null,
  account_id text collate "C",
  attempt_id text collate "C",
  gateway_account text collate "C",
  transaction_id text collate "C",
  received_at timestamptz(3) not null,
  wait_until timestamptz(3),
  done_at timestamptz(3),
  suspended_at timestamptz(3),
  suspended_because text
);
create index intake_to_do on billing.intake (received_at, id) where done_at is null and suspended_at is null;
create index intake_waiting_for_attempt on billing.intake (attempt_id) where wait_until is not null;
create index intake_waiting_for_transaction on billing.intake (gateway_account, transaction_id) where wait_until is not null;
create index intake_suspended on billing.intake (suspended_at, id) where suspended_at is not null and done_at is null;

-- Personal and secret data, encrypted with a key for each owner. Destroying the key destroys what it protects.
create table billing.vault_keys (
  owner text collate "C" primary key,
  wrapped bytea not null
);
create table billing.vault (
  owner text collate "C" not null references billing.vault_keys (owner) on delete cascade,
  kind text collate "C" not null,
  name text collate "C" not null,
  secret bytea not null,
  kept_at timestamptz(3) not null,
  expires_at timestamptz(3),
  primary key (owner, kind, name)
);
create index vault_expiry on billing.vault (expires_at) where expires_at is not null;

-- What a database remembers of itself.
create table billing.settings (
  name text collate "C" primary key,
  value text not null
);

-- The rows that reads use. They follow from the events alone: dropped and made again they are the same.

create table billing.plans (
  code text collate "C" not null,
  status text collate "C" not null,
  rank integer not null,
  tier integer not null,
  quality text collate "C" not null,
  streams integer not null,
  title_ru text not null,
  title_en text not null,
  text_ru text not null,
  text_en text not null,
  price_version integer not null,
  constraint plans_key primary key (code)
);

create table billing.prices (
  plan text collate "C" not null,
  version integer not null,
  currency text collate "C" not null,
  price_minor bigint not null,
  length_unit text collate "C" not null,
  length_count integer not null,
  trial_kind text collate "C" not null,
  trial_days integer,
  trial_card boolean,
  trial_minor bigint,
  intro_minor bigint,
  intro_periods integer,
  vat text collate "C" not null,
  receipt_object integer not null,
  receipt_method integer not null,
  constraint prices_key primary key (plan, version)
);

create table billing.customers (
  account_id text collate "C" not null,
  status text collate "C" not null,
  current_subscription text collate "C",
  queued_subscription text collate "C",
  trial_used boolean not null,
  consent_text text collate "C",
  consent_given_at timestamptz(3),
  consent_withdrawn_at timestamptz(3),
  disputes integer not null,
  constraint customers_key primary key (account_id)
);

create table billing.credits (
  account_id text collate "C" not null,
  currency text collate "C" not null,
  balance_minor bigint not null,
  reserved_minor bigint not null,
  constraint credits_key primary key (account_id, currency)
);

create table billing.cards (
  card_id text collate "C" not null,
  account_id text collate "C" not null,
  gateway_account text collate "C" not null,
  status text collate "C" not null,
  preferred boolean not null,
  saved_at timestamptz(3) not null,
  constraint cards_key primary key (card_id)
);

create table billing.setups (
  setup_id text collate "C" not null,
  account_id text collate "C" not null,
  gateway_account text collate "C" not null,
  card_id text collate "C" not null,
  status text collate "C" not null,
  currency text collate "C" not null,
  amount_minor bigint not null,
  offered_at timestamptz(3) not null,
  ends_at timestamptz(3) not null,
  transaction_id text collate "C",
  constraint setups_key primary key (setup_id)
);

create table billing.subscriptions (
  subscription_id text collate "C" not null,
  account_id text collate "C" not null,
  status text collate "C" not null,
  place text collate "C" not null,
  plan text collate "C" not null,
  price_version integer not null,
  currency text collate "C" not null,
  price_minor bigint not null,
  zone text collate "C" not null,
  started_at timestamptz(3) not null,
  period_number integer,
  period_start timestamptz(3),
  period_end timestamptz(3),
  renews boolean not null,
  waiting_plan text collate "C",
  paused_until timestamptz(3),
  open_invoice text collate "C",
  next_try_at timestamptz(3),
  ended_at timestamptz(3),
  end_reason text collate "C",
  constraint subscriptions_key primary key (subscription_id)
);

create table billing.periods (
  subscription_id text collate "C" not null,
  number integer not null,
  account_id text collate "C" not null,
  kind text collate "C" not null,
  start_at timestamptz(3) not null,
  end_at timestamptz(3) not null,
  currency text collate "C" not null,
  value_minor bigint not null,
  constraint periods_key primary key (subscription_id, number)
);

create table billing.access (
  account_id text collate "C" not null,
  source text collate "C" not null,
  tier integer not null,
  quality text collate "C" not null,
  streams integer not null,
  from_at timestamptz(3) not null,
  until_at timestamptz(3) not null,
  constraint access_key primary key (account_id, source)
);

create table billing.notices (
  notice_id text collate "C" not null,
  subscription_id text collate "C" not null,
  account_id text collate "C" not null,
  kind text collate "C" not null,
  given_at timestamptz(3) not null,
  announced_at timestamptz(3),
  currency text collate "C",
  amount_minor bigint,
  constraint notices_key primary key (notice_id)
);

create table billing.invoices (
  invoice_id text collate "C" not null,
  account_id text collate "C" not null,
  subscription_id text collate "C",
  purpose text collate "C" not null,
  sequence text collate "C" not null,
  status text collate "C" not null,
  plan text collate "C",
  price_version integer,
  currency text collate "C" not null,
  total_minor bigint not null,
  credit_minor bigint not null,
  due_minor bigint not null,
  refunded_minor bigint not null,
  issued_at timestamptz(3) not null,
  expires_at timestamptz(3),
  paid_at timestamptz(3),
  closed_at timestamptz(3),
  constraint invoices_key primary key (invoice_id)
);

create table billing.attempts (
  attempt_id text collate "C" not null,
  invoice_id text collate "C" not null,
  account_id text collate "C" not null,
  kind text collate "C" not null,
  status text collate "C" not null,
  gateway_account text collate "C" not null,
  currency text collate "C" not null,
  amount_minor bigint not null,
  made_at timestamptz(3) not null,
  status_at timestamptz(3) not null,
  ends_at timestamptz(3),
  card_id text collate "C",
  check_transaction_id text collate "C",
  checked_at timestamptz(3),
  constraint attempts_key primary key (attempt_id)
);

create table billing.captures (
  gateway_account text collate "C" not null,
  transaction_id text collate "C" not null,
  invoice_id text collate "C" not null,
  attempt_id text collate "C" not null,
  account_id text collate "C" not null,
  role text collate "C" not null,
  currency text collate "C" not null,
  captured_minor bigint not null,
  reserved_minor bigint not null,
  returned_minor bigint not null,
  captured_at timestamptz(3) not null,
  dispute text collate "C" not null,
  constraint captures_key primary key (gateway_account, transaction_id)
);

create table billing.refunds (
  refund_key text collate "C" not null,
  invoice_id text collate "C" not null,
  account_id text collate "C" not null,
  gateway_account text collate "C" not null,
  capture_transaction_id text collate "C" not null,
  currency text collate "C" not null,
  amount_minor bigint not null,
  status text collate "C" not null,
  reason text collate "C",
  asked_at timestamptz(3) not null,
  transaction_id text collate "C",
  constraint refunds_key primary key (refund_key)
);

create table billing.mismatches (
  gateway_account text collate "C" not null,
  transaction_id text collate "C" not null,
  invoice_id text collate "C" not null,
  attempt_id text collate "C" not null,
  account_id text collate "C" not null,
  reason text collate "C" not null,
  currency text collate "C" not null,
  received_minor bigint not null,
  received_at timestamptz(3) not null,
  settled boolean not null,
  constraint mismatches_key primary key (gateway_account, transaction_id)
);

create table billing.due (
  kind text collate "C" not null,
  subject text collate "C" not null,
  stream text collate "C" not null,
  account_id text collate "C",
  due_at timestamptz(3) not null,
  constraint due_key primary key (kind, subject)
);

-- What no state may ever be, refused by the database itself. Names are part of the contract: storage reports them. Each
-- word that a condition below asks for is checked as well: a misspelt one would slip past it.

alter table billing.plans add constraint plans_status check (status in ('on_sale', 'archived'));
alter table billing.prices add constraint prices_positive check (price_minor > 0);
alter table billing.customers add constraint customers_status check (status in ('known', 'erased'));
alter table billing.credits add constraint credits_cover_reservations check (0 <= reserved_minor and reserved_minor <= balance_minor);
alter table billing.cards add constraint cards_status check (status in ('active', 'blocked', 'removed'));
create unique index cards_one_preferred on billing.cards (account_id, gateway_account) where preferred;

alter table billing.subscriptions add constraint subscriptions_status
  check (status in ('incomplete', 'trialing', 'active', 'past_due', 'paused', 'ended'));
alter table billing.subscriptions add constraint subscriptions_place check (place in ('current', 'queued'));
create unique index subscriptions_one_per_place on billing.subscriptions (account_id, place) where status <> 'ended';
create index subscriptions_by_account on billing.subscriptions (account_id, subscription_id);

alter table billing.periods add constraint periods_last check (start_at < end_at);
alter table billing.periods add constraint periods_never_overlap
  exclude using gist (account_id with =, tstzrange(start_at, end_at) with &&);

alter table billing.invoices add constraint invoices_status
  check (status in ('open', 'processing', 'paid', 'partly_refunded', 'refunded', 'void', 'uncollectible', 'expired'));
alter table billing.invoices add constraint invoices_purpose
  check (purpose in ('first', 'renewal', 'change', 'gift', 'staff'));
alter table billing.invoices add constraint invoices_sums
  check (total_minor >= 0 and credit_minor >= 0 and due_minor >= 0 and total_minor = credit_minor + due_minor);
create unique index invoices_one_per_sequence on billing.invoices (subscription_id, purpose, sequence)
  where status not in ('void', 'expired');
create unique index invoices_one_open on billing.invoices (subscription_id, purpose) where status in ('open', 'processing');
create index invoices_by_account on billing.invoices (account_id, invoice_id);

alter table billing.attempts add constraint attempts_status check (status in
  ('current', 'in_flight', 'unknown', 'closed', 'succeeded', 'declined', 'mismatched', 'never_happened'));
alter table billing.attempts add constraint attempts_kind check (kind in ('offer', 'charge'));
create index attempts_by_invoice on billing.attempts (invoice_id);
create unique index attempts_one_current_offer on billing.attempts (invoice_id) where kind = 'offer' and status = 'current';
create unique index attempts_one_charge_in_flight on billing.attempts (invoice_id)
  where kind = 'charge' and status in ('in_flight', 'unknown');

alter table billing.captures add constraint captures_role check (role in ('settling', 'extra'));
alter table billing.captures add constraint captures_requests_covered
  check (0 <= reserved_minor and 0 <= returned_minor
    and (reserved_minor = 0 or reserved_minor + returned_minor <= captured_minor));
create index captures_by_invoice on billing.captures (invoice_id);
create unique index captures_one_settling on billing.captures (invoice_id) where role = 'settling';
alter table billing.refunds add constraint refunds_positive check (amount_minor > 0);
alter table billing.refunds add constraint refunds_status
  check (status in ('reserved', 'in_flight', 'unknown', 'failed', 'done', 'reported'));
create index refunds_by_invoice on billing.refunds (invoice_id);
create unique index refunds_one_in_flight on billing.refunds (gateway_account, capture_transaction_id)
  where status in ('reserved', 'in_flight', 'unknown');
create unique index refunds_once on billing.refunds (gateway_account, transaction_id) where transaction_id is not null;
create index mismatches_unsettled on billing.mismatches (received_at, gateway_account, transaction_id) where not settled;

alter table billing.access add constraint access_lasts check (from_at < until_at);
create index notices_by_subscription on billing.notices (subscription_id, given_at);
create index due_by_instant on billing.due (due_at, kind, subject);

-- Each transaction of a gateway account stands once, among captures and mismatches together, and stays with its invoice.
create table billing.transactions (
  gateway_account text collate "C" not null,
  transaction_id text collate "C" not null,
  constraint transactions_once primary key (gateway_account, transaction_id)
);
create function billing.claim_transaction() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    insert into billing.transactions (gateway_account, transaction_id) values (new.gateway_account, new.transaction_id);
  elsif tg_op = 'DELETE' then
    delete from billing.transactions gone
    where (gone.gateway_account, gone.transaction_id) = (old.gateway_account, old.transaction_id);
  else
    raise exception 'transaction % of % belongs to %', old.transaction_id, old.gateway_account, old.invoice_id
      using errcode = 'unique_violation', constraint = 'transactions_once';
  end if;
  return null;
end
$$;
create trigger captures_claim after insert or delete on billing.captures
  for each row execute function billing.claim_transaction();
create trigger captures_stay after update on billing.captures for each row
  when ((old.invoice_id, old.gateway_account, old.transaction_id) <> (new.invoice_id, new.gateway_account, new.transaction_id))
  execute function billing.claim_transaction();
create trigger mismatches_claim after insert or delete on billing.mismatches
  for each row execute function billing.claim_transaction();
create trigger mismatches_stay after update on billing.mismatches for each row
  when ((old.invoice_id, old.gateway_account, old.transaction_id) <> (new.invoice_id, new.gateway_account, new.transaction_id))
  execute function billing.claim_transaction();

-- Writes the difference of a commit to the rows that reads use: removals first, then what is new or changed, each table's
-- in the order given. A row that gives something up (a place, a period, a sequence) is given before the row that takes it.
create function billing.write_rows(removed jsonb, written jsonb) returns void
language plpgsql set search_path = pg_catalog, billing, pg_temp as $$
begin
  if removed ? 'plans' then
    delete from billing.plans old using jsonb_populate_recordset(null::billing.plans, removed -> 'plans') gone
    where (old.code) = (gone.code);
  end if;
  if removed ? 'prices' then
    delete from billing.prices old using jsonb_populate_recordset(null::billing.prices, removed -> 'prices') gone
    where (old.plan, old.version) = (gone.plan, gone.version);
  end if;
  if removed ? 'customers' then
    delete from billing.customers old using jsonb_populate_recordset(null::billing.customers, removed -> 'customers') gone
    where (old.account_id) = (gone.account_id);
  end if;
  if removed ? 'credits' then
    delete from billing.credits old using jsonb_populate_recordset(null::billing.credits, removed -> 'credits') gone
    where (old.account_id, old.currency) = (gone.account_id, gone.currency);
  end if;
  if removed ? 'cards' then
    delete from billing.cards old using jsonb_populate_recordset(null::billing.cards, removed -> 'cards') gone
    where (old.card_id) = (gone.card_id);
  end if;
  if removed ? 'setups' then
    delete from billing.setups old using jsonb_populate_recordset(null::billing.setups, removed -> 'setups') gone
    where (old.setup_id) = (gone.setup_id);
  end if;
  if removed ? 'subscriptions' then
    delete from billing.subscriptions old using jsonb_populate_recordset(null::billing.subscriptions, removed -> 'subscriptions') gone
    where (old.subscription_id) = (gone.subscription_id);
  end if;
  if removed ? 'periods' then
    delete from billing.periods old using jsonb_populate_recordset(null::billing.periods, removed -> 'periods') gone
    where (old.subscription_id, old.number) = (gone.subscription_id, gone.number);
  end if;
  if removed ? 'access' then
    delete from billing.access old using jsonb_populate_recordset(null::billing.access, removed -> 'access') gone
    where (old.account_id, old.source) = (gone.account_id, gone.source);
  end if;
  if removed ? 'notices' then
    delete from billing.notices old using jsonb_populate_recordset(null::billing.notices, removed -> 'notices') gone
    where (old.notice_id) = (gone.notice_id);
  end if;
  if removed ? 'invoices' then
    delete from billing.invoices old using jsonb_populate_recordset(null::billing.invoices, removed -> 'invoices') gone
    where (old.invoice_id) = (gone.invoice_id);
  end if;
  if removed ? 'attempts' then
    delete from billing.attempts old using jsonb_populate_recordset(null::billing.attempts, removed -> 'attempts') gone
    where (old.attempt_id) = (gone.attempt_id);
  end if;
  if removed ? 'captures' then
    delete from billing.captures old using jsonb_populate_recordset(null::billing.captures, removed -> 'captures') gone
    where (old.gateway_account, old.transaction_id) = (gone.gateway_account, gone.transaction_id);
  end if;
  if removed ? 'refunds' then
    delete from billing.refunds old using jsonb_populate_recordset(null::billing.refunds, removed -> 'refunds') gone
    where (old.refund_key) = (gone.refund_key);
  end if;
  if removed ? 'mismatches' then
    delete from billing.mismatches old using jsonb_populate_recordset(null::billing.mismatches, removed -> 'mismatches') gone
    where (old.gateway_account, old.transaction_id) = (gone.gateway_account, gone.transaction_id);
  end if;
  if removed ? 'due' then
    delete from billing.due old using jsonb_populate_recordset(null::billing.due, removed -> 'due') gone
    where (old.kind, old.subject) = (gone.kind, gone.subject);
  end if;

  if written ? 'plans' then
    insert into billing.plans select * from jsonb_populate_recordset(null::billing.plans, written -> 'plans')
    on conflict on constraint plans_key do update set
      (status, rank, tier, quality, streams, title_ru, title_en, text_ru, text_en, price_version) =
      (excluded.status, excluded.rank, excluded.tier, excluded.quality, excluded.streams, excluded.title_ru, excluded.title_en, excluded.text_ru, excluded.text_en, excluded.price_version);
  end if;
  if written ? 'prices' then
    insert into billing.prices select * from jsonb_populate_recordset(null::billing.prices, written -> 'prices')
    on conflict on constraint prices_key do update set
      (currency, price_minor, length_unit, length_count, trial_kind, trial_days, trial_card, trial_minor, intro_minor, intro_periods, vat, receipt_object, receipt_method) =
      (excluded.currency, excluded.price_minor, excluded.length_unit, excluded.length_count, excluded.trial_kind, excluded.trial_days, excluded.trial_card, excluded.trial_minor, excluded.intro_minor, excluded.intro_periods, excluded.vat, excluded.receipt_object, excluded.receipt_method);
  end if;
  if written ? 'customers' then
    insert into billing.customers select * from jsonb_populate_recordset(null::billing.customers, written -> 'customers')
    on conflict on constraint customers_key do update set
      (status, current_subscription, queued_subscription, trial_used, consent_text, consent_given_at, consent_withdrawn_at, disputes) =
      (excluded.status, excluded.current_subscription, excluded.queued_subscription, excluded.trial_used, excluded.consent_text, excluded.consent_given_at, excluded.consent_withdrawn_at, excluded.disputes);
  end if;
  if written ? 'credits' then
    insert into billing.credits select * from jsonb_populate_recordset(null::billing.credits, written -> 'credits')
    on conflict on constraint credits_key do update set
      (balance_minor, reserved_minor) =
      (excluded.balance_minor, excluded.reserved_minor);
  end if;
  if written ? 'cards' then
    insert into billing.cards select * from jsonb_populate_recordset(null::billing.cards, written -> 'cards')
    on conflict on constraint cards_key do update set
      (account_id, gateway_account, status, preferred, saved_at) =
      (excluded.account_id, excluded.gateway_account, excluded.status, excluded.preferred, excluded.saved_at);
  end if;
  if written ? 'setups' then
    insert into billing.setups select * from jsonb_populate_recordset(null::billing.setups, written -> 'setups')
    on conflict on constraint setups_key do update set
      (account_id, gateway_account, card_id, status, currency, amount_minor, offered_at, ends_at, transaction_id) =
      (excluded.account_id, excluded.gateway_account, excluded.card_id, excluded.status, excluded.currency, excluded.amount_minor, excluded.offered_at, excluded.ends_at, excluded.transaction_id);
  end if;
  if written ? 'subscriptions' then
    insert into billing.subscriptions select * from jsonb_populate_recordset(null::billing.subscriptions, written -> 'subscriptions')
    on conflict on constraint subscriptions_key do update set
      (account_id, status, place, plan, price_version, currency, price_minor, zone, started_at, period_number, period_start, period_end, renews, waiting_plan, paused_until, open_invoice, next_try_at, ended_at, end_reason) =
      (excluded.account_id, excluded.status, excluded.place, excluded.plan, excluded.price_version, excluded.currency, excluded.price_minor, excluded.zone, excluded.started_at, excluded.period_number, excluded.period_start, excluded.period_end, excluded.renews, excluded.waiting_plan, excluded.paused_until, excluded.open_invoice, excluded.next_try_at, excluded.ended_at, excluded.end_reason);
  end if;
  if written ? 'periods' then
    insert into billing.periods select * from jsonb_populate_recordset(null::billing.periods, written -> 'periods')
    on conflict on constraint periods_key do update set
      (account_id, kind, start_at, end_at, currency, value_minor) =
      (excluded.account_id, excluded.kind, excluded.start_at, excluded.end_at, excluded.currency, excluded.value_minor);
  end if;
  if written ? 'access' then
    insert into billing.access select * from jsonb_populate_recordset(null::billing.access, written -> 'access')
    on conflict on constraint access_key do update set
      (tier, quality, streams, from_at, until_at) =
      (excluded.tier, excluded.quality, excluded.streams, excluded.from_at, excluded.until_at);
  end if;
  if written ? 'notices' then
    insert into billing.notices select * from jsonb_populate_recordset(null::billing.notices, written -> 'notices')
    on conflict on constraint notices_key do update set
      (subscription_id, account_id, kind, given_at, announced_at, currency, amount_minor) =
      (excluded.subscription_id, excluded.account_id, excluded.kind, excluded.given_at, excluded.announced_at, excluded.currency, excluded.amount_minor);
  end if;
  if written ? 'invoices' then
    insert into billing.invoices select * from jsonb_populate_recordset(null::billing.invoices, written -> 'invoices')
    on conflict on constraint invoices_key do update set
      (account_id, subscription_id, purpose, sequence, status, plan, price_version, currency, total_minor, credit_minor, due_minor, refunded_minor, issued_at, expires_at, paid_at, closed_at) =
      (excluded.account_id, excluded.subscription_id, excluded.purpose, excluded.sequence, excluded.status, excluded.plan, excluded.price_version, excluded.currency, excluded.total_minor, excluded.credit_minor, excluded.due_minor, excluded.refunded_minor, excluded.issued_at, excluded.expires_at, excluded.paid_at, excluded.closed_at);
  end if;
  if written ? 'attempts' then
    insert into billing.attempts select * from jsonb_populate_recordset(null::billing.attempts, written -> 'attempts')
    on conflict on constraint attempts_key do update set
      (invoice_id, account_id, kind, status, gateway_account, currency, amount_minor, made_at, status_at, ends_at, card_id, check_transaction_id, checked_at) =
      (excluded.invoice_id, excluded.account_id, excluded.kind, excluded.status, excluded.gateway_account, excluded.currency, excluded.amount_minor, excluded.made_at, excluded.status_at, excluded.ends_at, excluded.card_id, excluded.check_transaction_id, excluded.checked_at);
  end if;
  if written ? 'captures' then
    insert into billing.captures select * from jsonb_populate_recordset(null::billing.captures, written -> 'captures')
    on conflict on constraint captures_key do update set
      (invoice_id, attempt_id, account_id, role, currency, captured_minor, reserved_minor, returned_minor, captured_at, dispute) =
      (excluded.invoice_id, excluded.attempt_id, excluded.account_id, excluded.role, excluded.currency, excluded.captured_minor, excluded.reserved_minor, excluded.returned_minor, excluded.captured_at, excluded.dispute);
  end if;
  if written ? 'refunds' then
    insert into billing.refunds select * from jsonb_populate_recordset(null::billing.refunds, written -> 'refunds')
    on conflict on constraint refunds_key do update set
      (invoice_id, account_id, gateway_account, capture_transaction_id, currency, amount_minor, status, reason, asked_at, transaction_id) =
      (excluded.invoice_id, excluded.account_id, excluded.gateway_account, excluded.capture_transaction_id, excluded.currency, excluded.amount_minor, excluded.status, excluded.reason, excluded.asked_at, excluded.transaction_id);
  end if;
  if written ? 'mismatches' then
    insert into billing.mismatches select * from jsonb_populate_recordset(null::billing.mismatches, written -> 'mismatches')
    on conflict on constraint mismatches_key do update set
      (invoice_id, attempt_id, account_id, reason, currency, received_minor, received_at, settled) =
      (excluded.invoice_id, excluded.attempt_id, excluded.account_id, excluded.reason, excluded.currency, excluded.received_minor, excluded.received_at, excluded.settled);
  end if;
  if written ? 'due' then
    insert into billing.due select * from jsonb_populate_recordset(null::billing.due, written -> 'due')
    on conflict on constraint due_key do update set
      (stream, account_id, due_at) =
      (excluded.stream, excluded.account_id, excluded.due_at);
  end if;
end
$$;

-- Wakes what waits for a payment that has just been told of.
create function billing.wake_intake(by_attempt text, by_gateway_account text, by_transaction text) returns void
language plpgsql set search_path = pg_catalog, billing, pg_temp as $$
begin
  update billing.intake set wait_until = null
  where wait_until is not null
    and (attempt_id = by_attempt or (gateway_account, transaction_id) = (by_gateway_account, by_transaction));
end
$$;

-- Accepts a row once. Callers of the API may run this and insert nowhere else in billing.
create function billing.accept_intake(entry jsonb) returns boolean
language plpgsql security definer set search_path = pg_catalog, billing, pg_temp as $$
declare
  fresh boolean;
begin
  insert into billing.intake (id, kind, fingerprint, body, account_id, attempt_id, gateway_account, transaction_id, received_at)
  select id, kind, fingerprint, body, account_id, attempt_id, gateway_account, transaction_id, received_at
  from jsonb_populate_record(null::billing.intake, entry)
  on conflict (id) do nothing;
  fresh := found;
  if fresh then
    perform billing.wake_intake(entry ->> 'attempt_id', entry ->> 'gateway_account', entry ->> 'transaction_id');
  end if;
  return fresh;
end
$$;

-- Writes parts, each whole or not at all, in one round trip. A part holds one commit, or several that have no stream and no
-- row in common: its outcomes; the streams it touches, in the order of their names ("to" is the new version, null where the
-- stream was only read); its events; the rows that go and those that come. Answers an array, one object for each part:
-- {"ok": true} | {"conflict": "version", "stream"} | {"conflict": "done"} | {"conflict": "unique", "constraint"}
-- | {"broken": text}.
-- Every statement finds few rows by key, however large the tables are: plans are made once, by index, and never compiled.
create function billing.commit_all(parts jsonb) returns jsonb
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
  answers jsonb := '[]';
begin
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
      where entry.id = command.command_id and entry.done_at is null;
      if found then
        update billing.intake waiting set wait_until = null
        from jsonb_to_recordset(part -> 'outcomes') as command (command_id text)
        join billing.intake done on done.id = command.command_id
        where waiting.wait_until is not null
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
