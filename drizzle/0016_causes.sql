-- Which version of a difference its cause was looked for, and when: other values need another look.
ALTER TABLE driftdesk.discrepancies ADD COLUMN cause_version integer;
ALTER TABLE driftdesk.discrepancies ADD COLUMN cause_at timestamptz;

-- Who looks for the causes of a run's differences, and when that was over: one of the processes that take part.
ALTER TABLE driftdesk.runs ADD COLUMN diagnosing uuid;
ALTER TABLE driftdesk.runs ADD COLUMN diagnosed_at timestamptz;
