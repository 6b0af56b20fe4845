-- Several accounts. A run is about one of them from the moment it is asked for, before Stripe has said which it is.
ALTER TABLE driftdesk.runs ADD COLUMN account_name text;
-- What the config called the account when it was last compared.
ALTER TABLE driftdesk.accounts ADD COLUMN config_name text;

-- The list of one account must not read everybody else's.
CREATE INDEX discrepancies_of_account
  ON driftdesk.discrepancies (account_id, state, impact_rank, amount_minor DESC, id);
CREATE INDEX runs_of_account ON driftdesk.runs (account_id, id);
