-- The health of the way on which events come: what Stripe's own lists say about its deliveries, kept so that each look
-- lists only what is new, and what was not delivered yet.

-- How far an account was looked at. Times of events are Stripe's, in whole seconds.
CREATE TABLE driftdesk.pipeline_looks (
  account_id         text PRIMARY KEY,
  -- The last one that came to its end; null before the first.
  at                 timestamptz,
  taken_by           uuid,
  -- Until then a process is at it; after that it was killed.
  taken_until        timestamptz,
  -- Undelivered events up to here were listed, but for a gap that a look of bounded size left.
  listed_to          timestamptz,
  gap_after          text,
  gap_at             timestamptz,
  gap_from           timestamptz,
  -- Where looking again at what was not delivered goes on: after this event.
  recheck_after      text,
  recheck_at         timestamptz,
  -- What the key may not read is not known.
  endpoints_readable boolean NOT NULL DEFAULT true,
  events_readable    boolean NOT NULL DEFAULT true,
  problem            text
);

-- An endpoint as Stripe lists it. Its name is empty for all of them together where the key may not list them; it is those of
-- several, with commas between, for what Stripe says of one of them without saying which.
CREATE TABLE driftdesk.pipeline_endpoints (
  account_id   text NOT NULL,
  endpoint     text NOT NULL,
  url          text,
  listens      text[] NOT NULL,
  enabled      boolean NOT NULL,
  made_at      timestamptz,
  state        text NOT NULL DEFAULT 'delivering' CHECK (state IN ('delivering', 'broken')),
  -- When the newest outage began and ended, and the types of which nothing arrived.
  broken_since timestamptz,
  recovered_at timestamptz,
  broken_types text[] NOT NULL DEFAULT '{}',
  PRIMARY KEY (account_id, endpoint)
);

-- The newest event of a type that an endpoint has taken.
CREATE TABLE driftdesk.pipeline_types (
  account_id   text NOT NULL,
  endpoint     text NOT NULL,
  type         text NOT NULL,
  delivered_to timestamptz NOT NULL,
  PRIMARY KEY (account_id, endpoint, type)
);

-- Events that an endpoint has not taken yet, or never did.
CREATE TABLE driftdesk.pipeline_undelivered (
  account_id text NOT NULL,
  event_id   text NOT NULL,
  endpoint   text NOT NULL,
  type       text NOT NULL,
  created    timestamptz NOT NULL,
  PRIMARY KEY (account_id, event_id, endpoint)
);
CREATE INDEX pipeline_undelivered_by_time ON driftdesk.pipeline_undelivered (account_id, created);

-- From an event to what came of it on our side, of the newest that were delivered: in the company's own log, or here.
CREATE TABLE driftdesk.pipeline_lags (
  account_id  text NOT NULL,
  source      text NOT NULL CHECK (source IN ('log', 'receiver')),
  type        text NOT NULL,
  events      integer NOT NULL,
  median_ms   bigint NOT NULL,
  slowest_ms  bigint NOT NULL,
  measured_at timestamptz NOT NULL,
  PRIMARY KEY (account_id, source, type)
);
