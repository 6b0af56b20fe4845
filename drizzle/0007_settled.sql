-- What full runs found settled and read again on a slower rhythm only: a memory per resource. Its ranges of `created`
-- were read whole, and never overlap; they lie beside each other where nothing else is between them.
CREATE TABLE driftdesk.settled (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id text NOT NULL,
  resource   text NOT NULL,
  -- Of the mapping that the expected rows were made by.
  layout     text NOT NULL,
  UNIQUE (account_id, resource)
);

CREATE TABLE driftdesk.settled_ranges (
  settled_id   bigint NOT NULL REFERENCES driftdesk.settled ON DELETE CASCADE,
  -- Half-open, Unix seconds.
  created_from bigint NOT NULL,
  created_to   bigint NOT NULL CHECK (created_to > created_from),
  objects      integer NOT NULL,
  -- Nothing in it was read before this.
  read_at      timestamptz NOT NULL,
  good_until   timestamptz NOT NULL,
  PRIMARY KEY (settled_id, created_from)
);

-- Expected rows, without a foreign key: a check for each of a million rows takes longer than writing them. `fields` has
-- the mapped columns in their order, as Postgres writes them.
CREATE TABLE driftdesk.settled_objects (
  settled_id   bigint NOT NULL,
  created      bigint NOT NULL,
  stripe_id    text NOT NULL,
  match        text,
  customer_id  text,
  label        text,
  rank         double precision NOT NULL,
  amount_minor bigint NOT NULL,
  currency     text,
  fields       text[] NOT NULL
);
CREATE INDEX settled_objects_created ON driftdesk.settled_objects (settled_id, created);
CREATE INDEX settled_objects_stripe_id ON driftdesk.settled_objects USING hash (stripe_id);

-- Objects that something was heard of: what ranges read before that hold of them counts no more.
CREATE TABLE driftdesk.settled_forgotten (
  settled_id   bigint NOT NULL REFERENCES driftdesk.settled ON DELETE CASCADE,
  stripe_id    text NOT NULL,
  forgotten_at timestamptz NOT NULL,
  PRIMARY KEY (settled_id, stripe_id)
);

-- Set in windows that this run did not read: when an earlier one did.
ALTER TABLE driftdesk.windows ADD COLUMN read_at timestamptz;

ALTER TABLE driftdesk.run_resources
  -- Objects that stand as an earlier run read them, and since when the oldest of them does.
  ADD COLUMN settled         bigint NOT NULL DEFAULT 0,
  ADD COLUMN settled_read_at timestamptz;
