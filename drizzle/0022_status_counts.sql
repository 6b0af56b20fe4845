-- How live lookups were answered, by the minute, over all processes.
CREATE TABLE driftdesk.status_counts (
  account_id text NOT NULL,
  minute     timestamptz NOT NULL,
  hits       bigint NOT NULL DEFAULT 0,
  fetched    bigint NOT NULL DEFAULT 0,
  stale      bigint NOT NULL DEFAULT 0,
  unanswered bigint NOT NULL DEFAULT 0,
  -- Of what a cache answered: the sum, and the most.
  age_ms     bigint NOT NULL DEFAULT 0,
  oldest_ms  bigint NOT NULL DEFAULT 0,
  -- Questions that went to Stripe, how many of them failed, and how long they took together and at most.
  asked      bigint NOT NULL DEFAULT 0,
  failed     bigint NOT NULL DEFAULT 0,
  asked_ms   bigint NOT NULL DEFAULT 0,
  slowest_ms bigint NOT NULL DEFAULT 0,
  -- Answers that were compared with the local record, and those with which it did not agree.
  compared   bigint NOT NULL DEFAULT 0,
  differed   bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, minute)
);
