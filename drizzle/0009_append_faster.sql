-- The same entries and the same hashes as before, made with less work: what all entries of a call have in common is
-- spelled once, and the content is built in place, since a function that spells times cannot be inlined.
-- driftdesk.audit_content stays what says what is hashed: whoever verifies goes by it.
CREATE OR REPLACE FUNCTION driftdesk.append_audit(entries jsonb, at timestamptz DEFAULT clock_timestamp()) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  head driftdesk.audit_head;
  spelled text := to_char(append_audit.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
  appended integer;
BEGIN
  IF entries IS NULL OR jsonb_array_length(entries) = 0 THEN RETURN 0; END IF;
  SELECT * INTO head FROM driftdesk.audit_head FOR UPDATE;
  WITH given AS (
    SELECT head.seq + e.n AS seq, append_audit.at AS at,
           e.entry ->> 'actor' AS actor, e.entry ->> 'action' AS action,
           e.entry ->> 'account_id' AS account_id, e.entry ->> 'resource' AS resource,
           (e.entry ->> 'discrepancy_id')::bigint AS discrepancy_id, (e.entry ->> 'run_id')::bigint AS run_id,
           (e.entry ->> 'bulk_id')::bigint AS bulk_id, (e.entry ->> 'fix_id')::bigint AS fix_id,
           e.entry ->> 'subject' AS subject, coalesce(e.entry -> 'data', '{}') AS data
    FROM jsonb_array_elements(entries) WITH ORDINALITY AS e (entry, n)
  ), hashed AS (
    SELECT g.*, driftdesk.chain(head.hash, sha256(convert_to(jsonb_build_array(
             g.seq, spelled, g.actor, g.action, g.account_id, g.resource,
             g.discrepancy_id, g.run_id, g.bulk_id, g.fix_id, g.subject, g.data)::text, 'UTF8')))
           OVER (ORDER BY g.seq ROWS UNBOUNDED PRECEDING) AS hash
    FROM given g
  )
  INSERT INTO driftdesk.audit_entries
  SELECT h.seq, h.at, h.actor, h.action, h.account_id, h.resource, h.discrepancy_id, h.run_id, h.bulk_id, h.fix_id,
         h.subject, h.data, coalesce(lag(h.hash) OVER (ORDER BY h.seq), head.hash), h.hash
  FROM hashed h;
  GET DIAGNOSTICS appended = ROW_COUNT;
  UPDATE driftdesk.audit_head SET seq = e.seq, hash = e.hash
  FROM (SELECT a.seq, a.hash FROM driftdesk.audit_entries a ORDER BY a.seq DESC LIMIT 1) e;
  RETURN appended;
END $$;
