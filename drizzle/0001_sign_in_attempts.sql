-- Failed sign-ins, counted across all web processes. The columns are those that rate-limiter-flexible works on.
CREATE TABLE driftdesk.sign_in_attempts (
  key    text PRIMARY KEY,
  points integer NOT NULL DEFAULT 0,
  expire bigint
);
