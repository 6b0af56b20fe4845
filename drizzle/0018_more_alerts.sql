-- More news, more ways out, and messages that hold several alerts.

ALTER TABLE driftdesk.alerts DROP CONSTRAINT alerts_kind_check;
ALTER TABLE driftdesk.alerts ADD CONSTRAINT alerts_kind_check CHECK (kind IN
  ('drift', 'held_back', 'corrected', 'run_trouble', 'run_recovered', 'run_overdue', 'pipeline_broken',
   'pipeline_recovered', 'approval', 'dispute_due', 'digest', 'test'));

ALTER TABLE driftdesk.alert_deliveries DROP CONSTRAINT alert_deliveries_channel_check;
ALTER TABLE driftdesk.alert_deliveries
  ADD CONSTRAINT alert_deliveries_channel_check CHECK (channel IN ('slack', 'webhook', 'email')),
  -- The message that it is part of, once there is one. Whatever is tried again is the same message.
  ADD COLUMN message_id uuid,
  ADD COLUMN set_out_at timestamptz;
UPDATE driftdesk.alert_deliveries SET message_id = gen_random_uuid(), set_out_at = coalesce(sent_at, due_at)
WHERE attempts > 0;
CREATE INDEX alert_deliveries_message ON driftdesk.alert_deliveries (message_id);
CREATE INDEX alert_deliveries_set_out ON driftdesk.alert_deliveries (channel, set_out_at);

-- Stripe's disputes, as they were read last. Nobody decides about them here; people are told before evidence is due.
CREATE TABLE driftdesk.disputes (
  account_id   text NOT NULL,
  id           text NOT NULL,
  status       text NOT NULL,
  reason       text NOT NULL,
  amount_minor bigint NOT NULL,
  currency     text NOT NULL,
  charge_id    text,
  customer_id  text,
  created_at   timestamptz NOT NULL,
  due_at       timestamptz,
  -- Evidence went to the bank. Another answer may be wanted later: then the status says so.
  submitted    boolean NOT NULL,
  livemode     boolean NOT NULL,
  read_at      timestamptz NOT NULL,
  PRIMARY KEY (account_id, id)
);
CREATE INDEX disputes_due ON driftdesk.disputes (due_at) WHERE due_at IS NOT NULL;

-- When each account's disputes are read next, by whichever worker comes first.
CREATE TABLE driftdesk.dispute_looks (
  -- As the configuration calls it; empty where it has no name.
  account_name text PRIMARY KEY,
  next_at      timestamptz NOT NULL,
  problem      text
);
