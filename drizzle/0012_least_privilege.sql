-- So that Driftdesk can work as a role that owns none of its tables: whatever such a role may not do for itself.

-- Entries are added by this function and in no other way: the role that calls it needs no right to write the chain, and
-- so can neither write entries that do not follow from each other nor move the chain's end.
ALTER FUNCTION driftdesk.append_audit(jsonb, timestamptz) SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
REVOKE EXECUTE ON FUNCTION driftdesk.append_audit(jsonb, timestamptz) FROM PUBLIC;

-- The queue's own schema: its library makes and changes the tables in it, but may not make the schema.
CREATE SCHEMA IF NOT EXISTS driftdesk_jobs;

-- to_char is not immutable, and a function that says to be more than what is in it is called instead of being inlined: a
-- million times when the chain is verified.
ALTER FUNCTION driftdesk.audit_content(
  bigint, timestamptz, text, text, text, text, bigint, bigint, bigint, bigint, text, jsonb) STABLE;

-- The history by what was done, by the resource, and by time: in that alone an older day cannot be reached by numbers.
CREATE INDEX audit_of_action ON driftdesk.audit_entries (action, seq);
CREATE INDEX audit_of_resource ON driftdesk.audit_entries (resource, seq) WHERE resource IS NOT NULL;
CREATE INDEX audit_of_time ON driftdesk.audit_entries (at, seq);
