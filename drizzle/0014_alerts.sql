-- What people are told outside the desk. Alerts are made from the history, which is written together with what happened:
-- nothing that happened is forgotten, and no run waits for a message.

-- Up to which entry of the history alerts were made. What happened before this table is nobody's news.
CREATE TABLE driftdesk.alert_place (
  seq bigint NOT NULL
);
CREATE UNIQUE INDEX alert_place_is_one ON driftdesk.alert_place ((true));
INSERT INTO driftdesk.alert_place (seq) SELECT seq FROM driftdesk.audit_head;

CREATE TABLE driftdesk.alerts (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- One that was raised already is not raised again.
  key        text NOT NULL UNIQUE,
  kind       text NOT NULL CHECK (kind IN
    ('drift', 'held_back', 'corrected', 'run_trouble', 'run_recovered', 'approval', 'digest', 'test')),
  account_id text,
  run_id     bigint REFERENCES driftdesk.runs,
  bulk_id    bigint REFERENCES driftdesk.bulk_actions,
  data       jsonb NOT NULL,
  raised_at  timestamptz NOT NULL
);
CREATE INDEX alerts_of_account ON driftdesk.alerts (account_id, id);

-- The way of an alert to each place that it goes to.
CREATE TABLE driftdesk.alert_deliveries (
  alert_id    bigint NOT NULL REFERENCES driftdesk.alerts,
  channel     text NOT NULL CHECK (channel IN ('slack')),
  state       text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'failed')),
  attempts    integer NOT NULL DEFAULT 0,
  due_at      timestamptz NOT NULL,
  -- Until then a process is at it; after that it was killed.
  taken_until timestamptz,
  sent_at     timestamptz,
  problem     text,
  PRIMARY KEY (alert_id, channel)
);
CREATE INDEX alert_deliveries_due ON driftdesk.alert_deliveries (due_at) WHERE state = 'waiting';
