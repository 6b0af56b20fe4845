-- A settled range may hold some objects that are not: these are remembered by their ids alone, and read in every run.
ALTER TABLE driftdesk.settled_objects ALTER COLUMN fields DROP NOT NULL;
CREATE INDEX settled_objects_by_themselves ON driftdesk.settled_objects (settled_id, created) WHERE fields IS NULL;
ALTER TABLE driftdesk.settled_ranges
  -- Of `objects`, those that are listed by their status, and those that have to be asked for one by one.
  ADD COLUMN listed integer NOT NULL DEFAULT 0,
  ADD COLUMN apart  integer NOT NULL DEFAULT 0;

-- A window may be a list of what has one status.
ALTER TABLE driftdesk.windows ADD COLUMN status text;
