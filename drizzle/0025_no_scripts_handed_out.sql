-- Scripts come from the command line. Nothing is handed out on the desk, so nothing there waits for a script's result.
DROP INDEX driftdesk.bulk_actions_handed_out;
ALTER TABLE driftdesk.bulk_actions DROP COLUMN by_script;
ALTER TABLE driftdesk.bulk_actions DROP CONSTRAINT bulk_actions_state_check;
ALTER TABLE driftdesk.bulk_actions ADD CONSTRAINT bulk_actions_state_check
  CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled'));
ALTER TABLE driftdesk.fixes DROP CONSTRAINT fixes_state_check;
ALTER TABLE driftdesk.fixes ADD CONSTRAINT fixes_state_check
  CHECK (state IN ('intended', 'applied', 'stale', 'failed'));
