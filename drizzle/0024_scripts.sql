-- A correction that is handed out as an SQL script, for somebody to run: what it intends waits for its result.
ALTER TABLE driftdesk.bulk_actions ADD COLUMN by_script boolean NOT NULL DEFAULT false;
ALTER TABLE driftdesk.bulk_actions DROP CONSTRAINT bulk_actions_state_check;
ALTER TABLE driftdesk.bulk_actions ADD CONSTRAINT bulk_actions_state_check
  CHECK (state IN ('waiting', 'running', 'handed_out', 'done', 'failed', 'cancelled'));
CREATE INDEX bulk_actions_handed_out ON driftdesk.bulk_actions (id) WHERE state = 'handed_out';
-- What was in a script that nobody runs any more was not written, and is no failure.
ALTER TABLE driftdesk.fixes DROP CONSTRAINT fixes_state_check;
ALTER TABLE driftdesk.fixes ADD CONSTRAINT fixes_state_check
  CHECK (state IN ('intended', 'applied', 'stale', 'failed', 'withdrawn'));
