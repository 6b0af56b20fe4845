-- What the mapping lets nobody decide about is applied at the end of a run, as a bulk action that belongs to the run.
ALTER TABLE driftdesk.bulk_actions ADD COLUMN run_id bigint REFERENCES driftdesk.runs;
CREATE INDEX bulk_actions_run ON driftdesk.bulk_actions (run_id) WHERE run_id IS NOT NULL;

ALTER TABLE driftdesk.run_resources
  -- Local rows that have their object in Stripe: what a share of the table is measured by. Counted by full runs, where
  -- the mapping lets anything be corrected by itself.
  ADD COLUMN paired    bigint,
  -- Differences that were open at the run's end, whoever found them: the resource's history. NULL until the run has
  -- decided what is corrected by itself.
  ADD COLUMN open      bigint,
  -- Why nothing was corrected by itself although there was something to correct, in words.
  ADD COLUMN held_back text;
