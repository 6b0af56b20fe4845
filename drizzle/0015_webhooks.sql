-- What Stripe sends: that an event came and what it names, never what was in it.

CREATE TABLE driftdesk.webhook_events (
  account_id  text NOT NULL,
  event_id    text NOT NULL,
  type        text NOT NULL,
  -- Some have no id: a balance, an invoice that is not there yet.
  object_id   text,
  object_type text NOT NULL,
  customer_id text,
  created     timestamptz NOT NULL,
  livemode    boolean NOT NULL,
  api_version text,
  -- The connected account that the event names.
  account     text,
  received_at timestamptz NOT NULL,
  PRIMARY KEY (account_id, event_id)
);
CREATE INDEX webhook_events_by_time ON driftdesk.webhook_events (received_at);
CREATE INDEX webhook_events_of_object ON driftdesk.webhook_events (account_id, object_id);

-- What has to be looked at because of them: a line for each object or customer, however many events name it.
CREATE TABLE driftdesk.webhook_checks (
  account_id  text NOT NULL,
  resource    text NOT NULL,
  kind        text NOT NULL CHECK (kind IN ('object', 'customer')),
  id          text NOT NULL,
  first_at    timestamptz NOT NULL,
  -- By then the company's own handler has had its time.
  due_at      timestamptz NOT NULL,
  events      integer NOT NULL DEFAULT 1,
  attempts    integer NOT NULL DEFAULT 0,
  taken_by    uuid,
  -- Until then a process is at it; after that it was killed.
  taken_until timestamptz,
  PRIMARY KEY (account_id, resource, kind, id)
);
CREATE INDEX webhook_checks_due ON driftdesk.webhook_checks (due_at);

-- How requests ended, by the hour: those of strangers too, who must not be able to fill a table.
CREATE TABLE driftdesk.webhook_counts (
  hour    timestamptz NOT NULL,
  outcome text NOT NULL CHECK (outcome IN
    ('accepted', 'not_mapped', 'duplicate', 'wrong_mode', 'other_account', 'unclear_account', 'forged', 'too_old',
     'malformed', 'too_large', 'busy', 'no_secret', 'failed')),
  count   bigint NOT NULL,
  PRIMARY KEY (hour, outcome)
);

ALTER TABLE driftdesk.runs DROP CONSTRAINT runs_trigger_check;
ALTER TABLE driftdesk.runs ADD CONSTRAINT runs_trigger_check
  CHECK (trigger IN ('person', 'schedule', 'cron', 'command', 'import', 'webhook'));
