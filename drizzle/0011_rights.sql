-- Who asked, whatever their address is later.
ALTER TABLE driftdesk.bulk_actions ADD COLUMN requested_by_id uuid REFERENCES driftdesk.users;
-- Whether it changes amounts of money: who may approve it goes by that.
ALTER TABLE driftdesk.bulk_actions ADD COLUMN writes_money boolean NOT NULL DEFAULT false;
-- Every page says how many wait.
CREATE INDEX bulk_actions_waiting ON driftdesk.bulk_actions (id) WHERE state = 'waiting';

-- The token itself is nowhere: only whoever was shown it has it.
CREATE TABLE driftdesk.api_tokens (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name         text NOT NULL,
  hash         bytea NOT NULL UNIQUE,
  -- Its last characters, so that people know which one they hold.
  hint         text NOT NULL,
  scopes       text[] NOT NULL CHECK (cardinality(scopes) > 0),
  created_by   uuid NOT NULL REFERENCES driftdesk.users,
  created_at   timestamptz NOT NULL,
  expires_at   timestamptz,
  last_used_at timestamptz,
  revoked_at   timestamptz,
  revoked_by   text
);
CREATE UNIQUE INDEX api_tokens_name ON driftdesk.api_tokens (lower(name)) WHERE revoked_at IS NULL;

-- What an admin decides on the desk, unlike what stands in the config.
CREATE TABLE driftdesk.settings (
  name       text PRIMARY KEY,
  value      jsonb NOT NULL,
  changed_by text NOT NULL,
  changed_at timestamptz NOT NULL
);

ALTER TABLE driftdesk.users ADD COLUMN last_single_sign_on_at timestamptz;
