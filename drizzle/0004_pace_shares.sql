-- How the processes that ask Stripe share an account's budgets. A row for each process, written about twice a second
-- while it has something to ask; of one that died the row expires. Unlogged: after a crash everybody registers anew.
CREATE UNLOGGED TABLE driftdesk.pace_shares (
  process    uuid PRIMARY KEY,
  -- By what the process knows the account: its key, and its id once it has asked. One name in common is enough.
  account    text[] NOT NULL,
  -- By endpoint, and '' for the whole account: {person, run}, requests a second that are wanted for each.
  demand     jsonb NOT NULL,
  -- By endpoint: requests a second that this process goes by.
  granted    jsonb NOT NULL,
  -- By endpoint: the refusal from which its limit is reckoned.
  signs      jsonb NOT NULL,
  expires_at timestamptz NOT NULL
);

-- Says what a process wants and answers what it gets, in one round trip: nobody holds the lock while it travels.
-- p_wanted: by endpoint, [requests a second that are wanted, the whole budget]. What others still hold is theirs until
-- they have written that they hold less; so all together are never granted more than the budget.
CREATE FUNCTION driftdesk.share_pace(
  p_process uuid, p_account text[], p_demand jsonb, p_wanted jsonb, p_signs jsonb, p_lasts_ms double precision,
  p_now timestamptz
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  known_as text;
  moment   timestamptz;
  mine     jsonb;
BEGIN
  -- Sorted by the caller, so that nobody waits in a circle.
  FOREACH known_as IN ARRAY p_account LOOP
    PERFORM pg_advisory_xact_lock(hashtextextended('driftdesk pace ' || known_as, 0));
  END LOOP;
  moment := coalesce(p_now, clock_timestamp());
  -- Rows of other accounts too, under other locks: whoever meets somebody there leaves the row to them.
  DELETE FROM driftdesk.pace_shares s
  WHERE s.process IN (
    SELECT old.process FROM driftdesk.pace_shares old WHERE old.expires_at <= moment FOR UPDATE SKIP LOCKED);

  SELECT coalesce(jsonb_object_agg(w.key, least((w.value ->> 0)::float8,
           greatest(0, (w.value ->> 1)::float8 - coalesce(taken.by_others, 0)))), '{}')
  INTO mine
  FROM jsonb_each(p_wanted) w
  LEFT JOIN (
    SELECT g.key, sum(g.value::float8) AS by_others
    FROM driftdesk.pace_shares s, jsonb_each_text(s.granted) g
    WHERE s.account && p_account AND s.process <> p_process AND s.expires_at > moment
    GROUP BY g.key
  ) taken ON taken.key = w.key;

  INSERT INTO driftdesk.pace_shares (process, account, demand, granted, signs, expires_at)
  VALUES (p_process, p_account, p_demand, mine, p_signs, moment + p_lasts_ms * interval '1 millisecond')
  ON CONFLICT (process) DO UPDATE
  SET account = EXCLUDED.account, demand = EXCLUDED.demand, granted = EXCLUDED.granted, signs = EXCLUDED.signs,
      expires_at = EXCLUDED.expires_at;

  RETURN jsonb_build_object(
    'now', extract(epoch FROM moment)::float8 * 1000,
    'granted', mine,
    'others', (
      SELECT coalesce(jsonb_agg(jsonb_build_object('demand', s.demand, 'signs', s.signs)), '[]')
      FROM driftdesk.pace_shares s
      WHERE s.account && p_account AND s.process <> p_process AND s.expires_at > moment));
END $$;
