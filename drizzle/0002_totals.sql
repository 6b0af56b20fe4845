-- How many discrepancies there are of each sort, so that nobody has to count them: a journal. What a statement changes in
-- driftdesk.discrepancies adds a line per group, in its own transaction; the sum of a group's lines is how many rows it
-- has. Lines are only ever added, so no two transactions wait for each other, and whoever reads sees the sums of
-- exactly those rows that they see. lib/discrepancies/totals.ts folds the lines of a group into one now and then.

CREATE TABLE driftdesk.discrepancy_totals (
  -- A table without a key cannot be deleted from where somebody replicates all tables.
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id   text NOT NULL,
  resource     text NOT NULL,
  kind         text NOT NULL,
  state        text NOT NULL,
  impact       text NOT NULL,
  cause        text NOT NULL,
  change       text NOT NULL,
  currency     text,
  rows         bigint NOT NULL,
  amount_minor bigint NOT NULL
);

CREATE FUNCTION driftdesk.add_to_totals() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO driftdesk.discrepancy_totals
      (account_id, resource, kind, state, impact, cause, change, currency, rows, amount_minor)
    SELECT account_id, resource, kind, state, impact, cause, change, currency, count(*), sum(amount_minor)
    FROM new_rows
    GROUP BY account_id, resource, kind, state, impact, cause, change, currency;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO driftdesk.discrepancy_totals
      (account_id, resource, kind, state, impact, cause, change, currency, rows, amount_minor)
    SELECT account_id, resource, kind, state, impact, cause, change, currency, -count(*), -sum(amount_minor)
    FROM old_rows
    GROUP BY account_id, resource, kind, state, impact, cause, change, currency;
  ELSIF TG_OP = 'UPDATE' THEN
    INSERT INTO driftdesk.discrepancy_totals
      (account_id, resource, kind, state, impact, cause, change, currency, rows, amount_minor)
    SELECT account_id, resource, kind, state, impact, cause, change, currency, sum(rows), sum(amount_minor)
    FROM (
      SELECT account_id, resource, kind, state, impact, cause, change, currency, 1 AS rows, amount_minor FROM new_rows
      UNION ALL
      SELECT account_id, resource, kind, state, impact, cause, change, currency, -1, -amount_minor FROM old_rows
    ) AS changed
    GROUP BY account_id, resource, kind, state, impact, cause, change, currency
    HAVING sum(rows) <> 0 OR sum(amount_minor) <> 0;
  ELSE
    -- Of all rows at once. It waits for a fold that is under way, which a DELETE would overlook.
    TRUNCATE driftdesk.discrepancy_totals;
  END IF;
  RETURN NULL;
END $$;

-- Before what is there is counted: from here on others' changes wait for the end of the migration.
CREATE TRIGGER totals_of_inserted AFTER INSERT ON driftdesk.discrepancies
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION driftdesk.add_to_totals();
CREATE TRIGGER totals_of_updated AFTER UPDATE ON driftdesk.discrepancies
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION driftdesk.add_to_totals();
CREATE TRIGGER totals_of_deleted AFTER DELETE ON driftdesk.discrepancies
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION driftdesk.add_to_totals();
CREATE TRIGGER totals_of_truncated AFTER TRUNCATE ON driftdesk.discrepancies
  FOR EACH STATEMENT EXECUTE FUNCTION driftdesk.add_to_totals();

INSERT INTO driftdesk.discrepancy_totals
  (account_id, resource, kind, state, impact, cause, change, currency, rows, amount_minor)
SELECT account_id, resource, kind, state, impact, cause, change, currency, count(*), sum(amount_minor)
FROM driftdesk.discrepancies
GROUP BY account_id, resource, kind, state, impact, cause, change, currency;
