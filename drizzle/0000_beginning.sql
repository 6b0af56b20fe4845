-- Driftdesk's own tables. They live in schemas of their own, so that Driftdesk may share a database with
-- the tables it watches. Written by hand: partial and expression indexes, unlogged tables, the audit chain.

CREATE SCHEMA IF NOT EXISTS driftdesk;
CREATE SCHEMA IF NOT EXISTS driftdesk_staging;

CREATE TABLE driftdesk.users (
  id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  email          text NOT NULL,
  name           text NOT NULL,
  role           text NOT NULL CHECK (role IN ('viewer', 'support', 'finance', 'admin')),
  password_hash  text,
  created_at     timestamptz NOT NULL DEFAULT now(),
  last_sign_in_at timestamptz,
  deactivated_at timestamptz
);
CREATE UNIQUE INDEX users_email ON driftdesk.users (lower(email));

CREATE TABLE driftdesk.accounts (
  id            text PRIMARY KEY,
  name          text,
  livemode      boolean NOT NULL,
  first_seen_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE driftdesk.runs (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id    text,
  mode          text NOT NULL CHECK (mode IN ('full', 'incremental', 'targeted')),
  trigger       text NOT NULL CHECK (trigger IN ('person', 'schedule', 'cron', 'command', 'import')),
  requested_by  text NOT NULL,
  only_resources text[],
  state         text NOT NULL DEFAULT 'queued'
                CHECK (state IN ('queued', 'running', 'succeeded', 'incomplete', 'suspicious', 'failed', 'cancelled')),
  step          text,
  error_code    text,
  message       text,
  requests      integer NOT NULL DEFAULT 0,
  rate_limited  integer NOT NULL DEFAULT 0,
  attempts      integer NOT NULL DEFAULT 0,
  requested_at  timestamptz NOT NULL DEFAULT now(),
  started_at    timestamptz,
  heartbeat_at  timestamptz,
  finished_at   timestamptz
);
CREATE INDEX runs_state ON driftdesk.runs (state) WHERE state IN ('queued', 'running');

CREATE TABLE driftdesk.run_resources (
  run_id            bigint NOT NULL REFERENCES driftdesk.runs ON DELETE CASCADE,
  resource          text NOT NULL,
  state             text NOT NULL DEFAULT 'waiting'
                    CHECK (state IN ('waiting', 'fetching', 'comparing', 'confirming', 'recording', 'done', 'incomplete', 'suspicious', 'failed')),
  windows_total     integer NOT NULL DEFAULT 0,
  windows_done      integer NOT NULL DEFAULT 0,
  objects           bigint NOT NULL DEFAULT 0,
  local_rows        bigint NOT NULL DEFAULT 0,
  compared          bigint NOT NULL DEFAULT 0,
  mismatch          bigint NOT NULL DEFAULT 0,
  missing_local     bigint NOT NULL DEFAULT 0,
  missing_in_stripe bigint NOT NULL DEFAULT 0,
  duplicate         bigint NOT NULL DEFAULT 0,
  fixed             bigint NOT NULL DEFAULT 0,
  row_errors        bigint NOT NULL DEFAULT 0,
  message           text,
  PRIMARY KEY (run_id, resource)
);

-- Two runs never overlap on one (account, resource). A holder that stops renewing loses the lease.
CREATE TABLE driftdesk.leases (
  account_id text NOT NULL,
  resource   text NOT NULL,
  run_id     bigint NOT NULL REFERENCES driftdesk.runs ON DELETE CASCADE,
  holder     uuid NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (account_id, resource)
);

-- Unlogged like the staging tables: after a crash of Postgres both are empty together, never one without the other.
CREATE UNLOGGED TABLE driftdesk.windows (
  run_id       bigint NOT NULL,
  resource     text NOT NULL,
  number       integer NOT NULL,
  created_from bigint,
  created_to   bigint,
  cursor       text,
  state        text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'unreadable')),
  objects      integer NOT NULL DEFAULT 0,
  message      text,
  PRIMARY KEY (run_id, resource, number)
);
CREATE UNLOGGED TABLE driftdesk.local_copies (
  run_id   bigint NOT NULL,
  resource text NOT NULL,
  rows     bigint NOT NULL,
  PRIMARY KEY (run_id, resource)
);

CREATE TABLE driftdesk.bulk_actions (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind         text NOT NULL CHECK (kind IN ('apply', 'reject', 'snooze', 'revert')),
  request_key  text NOT NULL UNIQUE,
  requested_by text NOT NULL,
  reason       text,
  filter       jsonb,
  state        text NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled')),
  total        integer NOT NULL DEFAULT 0,
  applied      integer NOT NULL DEFAULT 0,
  stale        integer NOT NULL DEFAULT 0,
  failed       integer NOT NULL DEFAULT 0,
  skipped      integer NOT NULL DEFAULT 0,
  message      text,
  approved_by  text,
  created_at   timestamptz NOT NULL DEFAULT now(),
  finished_at  timestamptz
);

CREATE TABLE driftdesk.discrepancies (
  id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id      text NOT NULL,
  resource        text NOT NULL,
  kind            text NOT NULL CHECK (kind IN ('mismatch', 'missing_local', 'missing_in_stripe', 'duplicate')),
  stripe_id       text,
  local_key       text,
  customer_id     text,
  label           text,
  -- All mapped columns, as Postgres writes them (text or null): what the local row held and what it should hold.
  observed        jsonb,
  expected        jsonb,
  -- The columns that differ: [{"name", "local", "stripe"}].
  fields          jsonb NOT NULL DEFAULT '[]',
  -- The most telling difference in words, e.g. "past_due → active"; what people group by.
  change          text NOT NULL DEFAULT '',
  row_error       text,
  impact          text NOT NULL DEFAULT 'other' CHECK (impact IN ('paid_no_access', 'access_no_pay', 'money', 'other')),
  impact_rank     smallint GENERATED ALWAYS AS
                  (CASE impact WHEN 'paid_no_access' THEN 0 WHEN 'access_no_pay' THEN 1 WHEN 'money' THEN 2 ELSE 3 END) STORED,
  amount_minor    bigint NOT NULL DEFAULT 0,
  currency        text,
  cause           text NOT NULL DEFAULT 'unknown'
                  CHECK (cause IN ('webhook_undelivered', 'webhook_lost', 'handler_failed', 'local_edit', 'unknown')),
  cause_evidence  jsonb,
  state           text NOT NULL DEFAULT 'open'
                  CHECK (state IN ('open', 'waiting', 'snoozed', 'applying', 'fixed', 'rejected', 'resolved')),
  -- Goes up whenever the values change: a decision names the version that the person saw.
  version         integer NOT NULL DEFAULT 1,
  first_run_id    bigint,
  run_id          bigint,
  first_seen_at   timestamptz NOT NULL DEFAULT now(),
  opened_at       timestamptz NOT NULL DEFAULT now(),
  -- When its values last changed: what came after a person looked is not part of what that person decides.
  changed_at      timestamptz NOT NULL DEFAULT now(),
  observed_at     timestamptz NOT NULL DEFAULT now(),
  closed_at       timestamptz,
  snoozed_until   timestamptz,
  decided_at      timestamptz,
  decided_by      text,
  decision_reason text,
  bulk_id         bigint REFERENCES driftdesk.bulk_actions,
  search          text GENERATED ALWAYS AS
                  (lower(coalesce(label, '') || ' ' || coalesce(stripe_id, '') || ' ' || coalesce(local_key, '') || ' ' || coalesce(customer_id, ''))) STORED
);
CREATE UNIQUE INDEX discrepancies_identity
  ON driftdesk.discrepancies (account_id, resource, coalesce(stripe_id, ''), coalesce(local_key, ''));
CREATE INDEX discrepancies_by_impact ON driftdesk.discrepancies (state, impact_rank, amount_minor DESC, id);
CREATE INDEX discrepancies_by_age ON driftdesk.discrepancies (state, opened_at, id);
CREATE INDEX discrepancies_by_amount ON driftdesk.discrepancies (state, amount_minor, id);
CREATE INDEX discrepancies_by_label ON driftdesk.discrepancies (state, coalesce(label, ''), id);
CREATE INDEX discrepancies_customer ON driftdesk.discrepancies (customer_id);

CREATE TABLE driftdesk.bulk_items (
  bulk_id        bigint NOT NULL REFERENCES driftdesk.bulk_actions ON DELETE CASCADE,
  discrepancy_id bigint NOT NULL REFERENCES driftdesk.discrepancies,
  version        integer NOT NULL,
  outcome        text CHECK (outcome IN ('applied', 'stale', 'failed', 'skipped')),
  message        text,
  PRIMARY KEY (bulk_id, discrepancy_id)
);

CREATE TABLE driftdesk.fixes (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  discrepancy_id bigint NOT NULL REFERENCES driftdesk.discrepancies,
  account_id     text NOT NULL,
  resource       text NOT NULL,
  action         text NOT NULL CHECK (action IN ('update', 'insert', 'revert')),
  local_key      text,
  -- Only the columns that the fix writes, as Postgres writes them (text or null).
  observed       jsonb NOT NULL,
  expected       jsonb NOT NULL,
  actor          text NOT NULL,
  approved_by    text,
  reason         text,
  bulk_id        bigint REFERENCES driftdesk.bulk_actions,
  reverts        bigint REFERENCES driftdesk.fixes,
  state          text NOT NULL DEFAULT 'intended' CHECK (state IN ('intended', 'applied', 'stale', 'failed')),
  message        text,
  intended_at    timestamptz NOT NULL DEFAULT now(),
  settled_at     timestamptz
);
-- One row is being fixed at most once at a time, whoever asks.
CREATE UNIQUE INDEX fixes_one_intended ON driftdesk.fixes (discrepancy_id) WHERE state = 'intended';
CREATE INDEX fixes_of_discrepancy ON driftdesk.fixes (discrepancy_id, id);
CREATE INDEX fixes_of_bulk ON driftdesk.fixes (bulk_id, id);

-- ── Audit: append-only, hash-chained ───────────────────────────────────────────────────────────────────

CREATE TABLE driftdesk.audit_entries (
  seq            bigint PRIMARY KEY,
  at             timestamptz NOT NULL,
  actor          text NOT NULL,
  action         text NOT NULL,
  account_id     text,
  resource       text,
  discrepancy_id bigint,
  run_id         bigint,
  bulk_id        bigint,
  fix_id         bigint,
  subject        text,
  data           jsonb NOT NULL DEFAULT '{}',
  prev_hash      bytea NOT NULL,
  hash           bytea NOT NULL
);
CREATE INDEX audit_of_discrepancy ON driftdesk.audit_entries (discrepancy_id, seq) WHERE discrepancy_id IS NOT NULL;
CREATE INDEX audit_of_run ON driftdesk.audit_entries (run_id, seq) WHERE run_id IS NOT NULL;
CREATE INDEX audit_of_actor ON driftdesk.audit_entries (actor, seq);

-- The end of the chain. Its row lock is what puts writers in order.
CREATE TABLE driftdesk.audit_head (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  seq  bigint NOT NULL,
  hash bytea NOT NULL
);
INSERT INTO driftdesk.audit_head (seq, hash) VALUES (0, sha256('driftdesk audit chain'::bytea));

CREATE FUNCTION driftdesk.refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit entries cannot be changed or removed' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON driftdesk.audit_entries
  FOR EACH STATEMENT EXECUTE FUNCTION driftdesk.refuse_audit_change();

-- What is hashed: every column of an entry but the hashes, as one JSON array, times in UTC to the microsecond.
CREATE FUNCTION driftdesk.audit_content(
  seq bigint, at timestamptz, actor text, action text, account_id text, resource text,
  discrepancy_id bigint, run_id bigint, bulk_id bigint, fix_id bigint, subject text, data jsonb
) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT jsonb_build_array(
    seq, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), actor, action, account_id, resource,
    discrepancy_id, run_id, bulk_id, fix_id, subject, data)::text
$$;

CREATE FUNCTION driftdesk.chain_step(state bytea, head bytea, digest bytea) RETURNS bytea
  LANGUAGE sql IMMUTABLE AS $$ SELECT sha256(coalesce(state, head) || digest) $$;
-- As a window function it links a whole batch in one pass: chain(head, digest) OVER (ORDER BY …).
CREATE AGGREGATE driftdesk.chain(head bytea, digest bytea) (SFUNC = driftdesk.chain_step, STYPE = bytea);

-- Appends entries, given as a JSON array of objects with the columns' names, in their order. Answers how many.
CREATE FUNCTION driftdesk.append_audit(entries jsonb, at timestamptz DEFAULT clock_timestamp()) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  head driftdesk.audit_head;
  appended integer;
BEGIN
  IF entries IS NULL OR jsonb_array_length(entries) = 0 THEN RETURN 0; END IF;
  SELECT * INTO head FROM driftdesk.audit_head FOR UPDATE;
  WITH given AS (
    SELECT head.seq + e.n AS seq, append_audit.at AS at,
           e.entry ->> 'actor' AS actor, e.entry ->> 'action' AS action,
           e.entry ->> 'account_id' AS account_id, e.entry ->> 'resource' AS resource,
           (e.entry ->> 'discrepancy_id')::bigint AS discrepancy_id, (e.entry ->> 'run_id')::bigint AS run_id,
           (e.entry ->> 'bulk_id')::bigint AS bulk_id, (e.entry ->> 'fix_id')::bigint AS fix_id,
           e.entry ->> 'subject' AS subject, coalesce(e.entry -> 'data', '{}') AS data
    FROM jsonb_array_elements(entries) WITH ORDINALITY AS e (entry, n)
  ), hashed AS (
    SELECT g.*, driftdesk.chain(head.hash, sha256(convert_to(driftdesk.audit_content(
             g.seq, g.at, g.actor, g.action, g.account_id, g.resource,
             g.discrepancy_id, g.run_id, g.bulk_id, g.fix_id, g.subject, g.data), 'UTF8')))
           OVER (ORDER BY g.seq ROWS UNBOUNDED PRECEDING) AS hash
    FROM given g
  )
  INSERT INTO driftdesk.audit_entries
  SELECT h.seq, h.at, h.actor, h.action, h.account_id, h.resource, h.discrepancy_id, h.run_id, h.bulk_id, h.fix_id,
         h.subject, h.data, coalesce(lag(h.hash) OVER (ORDER BY h.seq), head.hash), h.hash
  FROM hashed h;
  GET DIAGNOSTICS appended = ROW_COUNT;
  UPDATE driftdesk.audit_head SET seq = e.seq, hash = e.hash
  FROM (SELECT a.seq, a.hash FROM driftdesk.audit_entries a ORDER BY a.seq DESC LIMIT 1) e;
  RETURN appended;
END $$;
