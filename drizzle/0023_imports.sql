-- What somebody brought from Stripe by hand: an exported file, or a pasted list of ids and e-mail addresses.
CREATE TABLE driftdesk.imports (
  id           bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  account_name text NOT NULL,
  account_id   text,
  source       text NOT NULL,
  file_name    text,
  kind         text,
  state        text NOT NULL DEFAULT 'reading',
  -- When the file was made, as far as anybody knows: what it says was true then.
  exported_at  timestamptz,
  understood   jsonb,
  bytes        bigint NOT NULL DEFAULT 0,
  bytes_total  bigint,
  lines        bigint NOT NULL DEFAULT 0,
  problems     bigint NOT NULL DEFAULT 0,
  sha256       bytea,
  -- Given by the browser, so that a second click finds the import of the first.
  request_key  text UNIQUE,
  message      text,
  uploaded_by  text NOT NULL,
  uploaded_at  timestamptz NOT NULL,
  read_at      timestamptz,
  -- The run that compared it last.
  run_id       bigint REFERENCES driftdesk.runs
);
CREATE INDEX imports_uploaded_at ON driftdesk.imports (uploaded_at DESC, id DESC);
CREATE INDEX imports_sha256 ON driftdesk.imports (account_name, sha256) WHERE state = 'read';

CREATE TABLE driftdesk.import_lines (
  import_id   bigint NOT NULL REFERENCES driftdesk.imports ON DELETE CASCADE,
  line        bigint NOT NULL,
  stripe_id   text,
  customer_id text,
  email       text,
  -- What the line tells: times in Unix seconds, amounts in minor units, by the names that lib/quick-fix/columns.ts gives.
  data        jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (import_id, line)
);
CREATE INDEX import_lines_stripe_id ON driftdesk.import_lines (import_id, stripe_id);
CREATE INDEX import_lines_email ON driftdesk.import_lines (import_id, lower(email)) WHERE stripe_id IS NULL;

CREATE TABLE driftdesk.import_problems (
  import_id bigint NOT NULL REFERENCES driftdesk.imports ON DELETE CASCADE,
  line      bigint NOT NULL,
  problem   text NOT NULL,
  PRIMARY KEY (import_id, line)
);

-- What a run could not say with certainty about lines: shown beside the run, never guessed.
CREATE TABLE driftdesk.import_findings (
  run_id    bigint NOT NULL REFERENCES driftdesk.runs,
  resource  text NOT NULL,
  line      bigint NOT NULL,
  finding   text NOT NULL,
  detail    jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (run_id, resource, line)
);

-- Whose word the expected values of a discrepancy are: a file's, until Stripe itself was asked.
ALTER TABLE driftdesk.discrepancies ADD COLUMN import_id bigint REFERENCES driftdesk.imports;
ALTER TABLE driftdesk.discrepancies ADD COLUMN import_line bigint;
-- The local row was changed after the file was made.
ALTER TABLE driftdesk.discrepancies ADD COLUMN local_newer boolean NOT NULL DEFAULT false;
CREATE INDEX discrepancies_import_id ON driftdesk.discrepancies (import_id) WHERE import_id IS NOT NULL;
