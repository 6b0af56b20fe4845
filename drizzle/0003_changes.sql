-- Runs that read only what changed, and runs about a handful of records.

-- What an incremental run begins with, asked for by a person.
ALTER TABLE driftdesk.runs ADD COLUMN since timestamptz;
-- What a targeted run is about.
ALTER TABLE driftdesk.runs ADD COLUMN targets jsonb;

ALTER TABLE driftdesk.run_resources
  ADD COLUMN scope text CHECK (scope IN ('full', 'changes', 'targets')),
  -- By this database's clock. Whoever began to look before and has not recorded yet may have seen something older.
  ADD COLUMN recorded_at timestamptz;

-- What the local row and the Stripe object have in common: an object's id, a customer's, or an address. A run that looked
-- at some of them says nothing about the others. Null until a run has seen the discrepancy again.
ALTER TABLE driftdesk.discrepancies ADD COLUMN match text;
CREATE INDEX discrepancies_match ON driftdesk.discrepancies (account_id, resource, match);

-- How far a resource was read, once it was read to its end. Everything that happened before is in the discrepancies.
CREATE TABLE driftdesk.cursors (
  account_id     text NOT NULL,
  resource       text NOT NULL,
  -- Of the mapping that it was read by. Under another one, what was read says nothing.
  mapping        text NOT NULL,
  -- By Stripe's clock.
  stripe_at      timestamptz NOT NULL,
  -- Events from about that time that are dealt with: they are listed once more, for the sake of late ones.
  seen           text[] NOT NULL DEFAULT '{}',
  -- By the clock of the records' database, and what it had committed by then.
  local_at       timestamptz NOT NULL,
  local_snapshot text,
  -- Which table that was: another one of the same name has to be read from the beginning.
  local_table    text NOT NULL,
  -- Records, when everything was last read.
  size           bigint NOT NULL,
  run_id         bigint NOT NULL,
  PRIMARY KEY (account_id, resource)
);

-- Who has which address, for resources that are matched by it: Stripe finds a customer by the address as it is written
-- there, letter by letter, and a guest's charge not at all. Empty where there is none.
CREATE TABLE driftdesk.addresses (
  account_id  text NOT NULL,
  resource    text NOT NULL,
  match       text NOT NULL,
  customer_id text NOT NULL,
  object_id   text NOT NULL,
  PRIMARY KEY (account_id, resource, match, customer_id, object_id)
);
CREATE INDEX addresses_of_customer ON driftdesk.addresses (account_id, resource, customer_id);

-- What somebody looked at while a run may have been under way, and from when on: that is newer than what the run read before.
CREATE TABLE driftdesk.looks (
  account_id text NOT NULL,
  resource   text NOT NULL,
  match      text NOT NULL,
  at         timestamptz NOT NULL,
  PRIMARY KEY (account_id, resource, match)
);

-- How a run reads a resource, decided when it begins. Unlogged, like everything that it stages.
CREATE UNLOGGED TABLE driftdesk.scopes (
  run_id         bigint NOT NULL,
  resource       text NOT NULL,
  mode           text NOT NULL CHECK (mode IN ('full', 'changes', 'targets')),
  -- Why everything is read where only changes were asked for, in words.
  why            text,
  mapping        text NOT NULL,
  -- By this database's clock.
  begun_at       timestamptz NOT NULL,
  -- Where the changes begin, and where the next run's will.
  stripe_from    timestamptz,
  stripe_at      timestamptz NOT NULL,
  local_from     timestamptz,
  local_at       timestamptz NOT NULL,
  -- What the records' database had committed by the last run's time, and by this one's.
  snapshot_from  text,
  local_snapshot text,
  local_table    text NOT NULL,
  -- False for a run that left out what happened between the last one and `since`.
  moves          boolean NOT NULL,
  PRIMARY KEY (run_id, resource)
);

-- Lists of events, of at most twenty types each, and how far they are read.
CREATE UNLOGGED TABLE driftdesk.event_lists (
  run_id   bigint NOT NULL,
  resource text NOT NULL,
  number   integer NOT NULL,
  types    text[] NOT NULL,
  cursor   text,
  state    text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'unreadable')),
  -- Those from so late that the next run lists them again.
  seen     text[] NOT NULL DEFAULT '{}',
  message  text,
  PRIMARY KEY (run_id, resource, number)
);
