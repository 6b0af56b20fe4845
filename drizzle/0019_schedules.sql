-- When runs begin by themselves. The config's schedules are the default, an admin may change them and add others. A worker
-- that sees one due writes the run and the next time together: there is one run of a due time, whoever is killed.
CREATE TABLE driftdesk.schedules (
  id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- As the config calls the account; null where it has one without a name.
  account_name     text,
  -- Which of the config's it is, as in "full 1"; null for what was added in the desk.
  config_key       text,
  cron             text NOT NULL,
  mode             text NOT NULL CHECK (mode IN ('full', 'incremental')),
  time_zone        text NOT NULL,
  -- The same as the config has it; null when the config does not have it (any more).
  config_cron      text,
  config_mode      text,
  config_time_zone text,
  paused_at        timestamptz,
  paused_by        text,
  changed_at       timestamptz,
  changed_by       text,
  -- Null while it is paused.
  next_due         timestamptz,
  -- The last time that led to a run, the run, and how many times before it had passed without one.
  last_due         timestamptz,
  last_run_id      bigint REFERENCES driftdesk.runs,
  last_missed      integer NOT NULL DEFAULT 0,
  -- The last time that was left out, and the run under way because of which.
  skipped_due      timestamptz,
  skipped_run_id   bigint REFERENCES driftdesk.runs,
  -- The run that has to end first.
  waits_for        bigint REFERENCES driftdesk.runs,
  -- Up to which due time people were told of what did not begin or end in time.
  overdue_due      timestamptz,
  CHECK ((paused_at IS NULL) = (next_due IS NOT NULL)),
  CHECK (num_nulls(config_cron, config_mode, config_time_zone) IN (0, 3)),
  CHECK (config_key IS NOT NULL OR config_cron IS NULL)
);
CREATE UNIQUE INDEX schedules_of_config ON driftdesk.schedules (coalesce(account_name, ''), config_key);
