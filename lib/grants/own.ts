import { quoteName } from "../local/catalog.ts";
import { dollarQuoted, quoteLiteral } from "../local/render.ts";

/** What Driftdesk does with its own tables, whose owner runs `driftdesk migrate`. The chain it can only read and lengthen. */
export function ownGrants(role: string): string {
  const name = quoteName(role);
  return `-- Driftdesk's own tables. Run \`driftdesk migrate\` before this as the role that owns them, and stop Driftdesk meanwhile
-- when it has worked as another role until now.
GRANT USAGE ON SCHEMA driftdesk TO ${name};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA driftdesk TO ${name};
-- Tables that a later version adds. Revoked first, so that nothing else is left of an earlier script.
ALTER DEFAULT PRIVILEGES IN SCHEMA driftdesk REVOKE ALL ON TABLES FROM ${name};
ALTER DEFAULT PRIVILEGES IN SCHEMA driftdesk GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${name};

-- The history is read by everybody and changed by nobody. The one way into it is the function that lengthens the chain.
REVOKE ALL ON TABLE driftdesk.audit_entries, driftdesk.audit_head, driftdesk.migrations FROM ${name};
GRANT SELECT ON TABLE driftdesk.audit_entries, driftdesk.audit_head, driftdesk.migrations TO ${name};
GRANT EXECUTE ON FUNCTION driftdesk.append_audit(jsonb, timestamptz) TO ${name};

-- Each run makes tables for itself; the queue's library makes and changes its own.
GRANT USAGE, CREATE ON SCHEMA driftdesk_staging, driftdesk_jobs TO ${name};

DO ${dollarQuoted(leftovers(role))};`;
}

/** Before the role existed, another one made these. Neither is missed: runs read anew, and jobs are only wake-up calls. */
const leftovers = (role: string) => `
DECLARE
  leftover regclass;
BEGIN
  -- What another role made before cannot be used by this one, and is not missed: a run reads it anew, and the queue's jobs
  -- are only wake-up calls.
  FOR leftover IN
    SELECT c.oid FROM pg_class c
    WHERE c.relnamespace = 'driftdesk_staging'::regnamespace AND c.relkind = 'r'
      AND c.relowner <> ${quoteLiteral(quoteName(role))}::regrole
  LOOP
    EXECUTE format('DROP TABLE %s', leftover);
  END LOOP;
  IF EXISTS (
    SELECT FROM pg_class c
    WHERE c.relnamespace = 'driftdesk_jobs'::regnamespace AND c.relkind IN ('r', 'p') AND c.relowner <> ${quoteLiteral(quoteName(role))}::regrole
  ) THEN
    DROP SCHEMA driftdesk_jobs CASCADE;
    CREATE SCHEMA driftdesk_jobs;
    GRANT USAGE, CREATE ON SCHEMA driftdesk_jobs TO ${quoteName(role)};
  END IF;
  -- Statistics are refreshed after many rows were written. Before Postgres 17 only an owner could.
  IF current_setting('server_version_num')::int >= 170000 THEN
    EXECUTE 'GRANT MAINTAIN ON TABLE driftdesk.settled_objects, driftdesk.settled_ranges TO ' || ${quoteLiteral(quoteName(role))};
  END IF;
END
`;
