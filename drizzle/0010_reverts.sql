-- Undoing what was applied. An item of such an action names the fix that it undoes, and remembers what state the
-- discrepancy was in before: where the row has changed since, it is as it was.
ALTER TABLE driftdesk.bulk_items ADD COLUMN fix_id bigint REFERENCES driftdesk.fixes;
ALTER TABLE driftdesk.bulk_items ADD COLUMN state_before text;
-- The action that is undone as a whole.
ALTER TABLE driftdesk.bulk_actions ADD COLUMN reverts bigint REFERENCES driftdesk.bulk_actions;
-- When somebody undid its correction, until its values change: no policy corrects it again meanwhile.
ALTER TABLE driftdesk.discrepancies ADD COLUMN reverted_at timestamptz;

-- Whoever asks, and however often: a fix is undone once.
CREATE UNIQUE INDEX fixes_reverted_once ON driftdesk.fixes (reverts)
  WHERE reverts IS NOT NULL AND state IN ('intended', 'applied');
CREATE INDEX bulk_actions_reverts ON driftdesk.bulk_actions (reverts) WHERE reverts IS NOT NULL;
