-- Who may sign in, and the sessions of those who have. Personal data and no projection: `rebuild` leaves this schema alone,
-- and an e-mail stands nowhere else.
create schema accounts;

create table accounts.accounts (
  account_id text collate "C" primary key,
  email text collate "C" not null constraint accounts_one_for_email unique
    constraint accounts_email_folded check (email ~ '^[^@[:space:]]+@[^@[:space:]]+$' and email = lower(email) and char_length(email) <= 254),
  -- Never a password as it was typed, should our own code forget to hash it.
  password_hash text not null constraint accounts_password_hashed check (password_hash like '$%'),
  language text not null constraint accounts_language_known check (language in ('ru', 'en')),
  zone text not null,
  created_at timestamptz(3) not null
);

-- `generation` counts how often the refresh token was spent. Tokens of the current generation are good; those of the one
-- before it may be told from stolen ones only by `rotated_at`, when the current one began.
create table accounts.sessions (
  session_id text collate "C" primary key,
  account_id text collate "C" not null references accounts.accounts (account_id) on delete cascade,
  opened_at timestamptz(3) not null,
  idle_until timestamptz(3) not null,
  ends_at timestamptz(3) not null,
  ended_at timestamptz(3),
  generation integer not null default 1 check (generation > 0),
  rotated_at timestamptz(3) not null,
  constraint sessions_times_in_order check (opened_at <= idle_until and idle_until <= ends_at)
);
create index sessions_of_account on accounts.sessions (account_id);

-- SHA-256 of the tokens; whoever reads these rows can't sign in with them.
create table accounts.refresh_tokens (
  hash text collate "C" primary key constraint refresh_tokens_hashed check (hash ~ '^[0-9a-f]{64}$'),
  session_id text collate "C" not null references accounts.sessions (session_id) on delete cascade,
  generation integer not null check (generation > 0)
);
create index refresh_tokens_of_session on accounts.refresh_tokens (session_id);

-- Spends a refresh token. The session's row is locked before its generation is read: of two at once one is first, and the
-- other sees what it has done.
create function accounts.rotate(
  spent text, next text, at timestamptz, idle timestamptz, leeway_ms integer,
  out status text, out session accounts.sessions
) language plpgsql set search_path = pg_catalog, accounts, pg_temp as $$
declare
  token accounts.refresh_tokens;
  is_again boolean;
begin
  select * into token from accounts.refresh_tokens where hash = spent;
  select * into session from accounts.sessions where session_id = token.session_id for update;
  if session.session_id is null or session.ended_at is not null or at >= session.idle_until or at >= session.ends_at then
    status := 'unknown';
    return;
  end if;
  is_again := token.generation < session.generation;
  if is_again and not (
    token.generation = session.generation - 1 and at < session.rotated_at + leeway_ms * interval '1 millisecond'
  ) then
    update accounts.sessions set ended_at = at where session_id = token.session_id;
    status := 'reused';
    return;
  end if;
  update accounts.sessions set
    idle_until = least(idle, ends_at),
    generation = case when is_again then generation else generation + 1 end,
    rotated_at = case when is_again then rotated_at else at end
  where session_id = token.session_id
  returning * into session;
  insert into accounts.refresh_tokens (hash, session_id, generation) values (next, session.session_id, session.generation);
  status := 'rotated';
end
$$;

-- The API signs people up and in. So does the State Updater's role where one process with one connection is both. Neither
-- takes an account or a session away, moves a session to another account, or changes an e-mail.
grant usage on schema accounts to matinee_api, matinee_updater;
grant select, insert, update (password_hash) on accounts.accounts to matinee_api, matinee_updater;
grant select, insert, update (ended_at, generation, idle_until, rotated_at) on accounts.sessions to matinee_api, matinee_updater;
grant select, insert on accounts.refresh_tokens to matinee_api, matinee_updater;
grant execute on function accounts.rotate(text, text, timestamptz, timestamptz, integer) to matinee_api, matinee_updater;
