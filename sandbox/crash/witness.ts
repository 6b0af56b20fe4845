// Who sees each change of the user's rows, beside what Driftdesk says about it.
import type { Sql } from "postgres";
import { accountsTable } from "../accounts-table.ts";

/** Notes every change of a row from now on, in its own transaction: what is undone is not seen. */
export async function post(local: Sql): Promise<void> {
  await local.unsafe(`
    CREATE TABLE row_changes (
      what text, key text, stripe_id text, at timestamptz DEFAULT clock_timestamp(), transaction xid8 DEFAULT pg_current_xact_id());
    CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
      DECLARE changed ${accountsTable} := coalesce(new, old);
      BEGIN
        INSERT INTO public.row_changes (what, key, stripe_id)
        VALUES (lower(TG_OP), changed."the key"::text, changed."stripe ""id""");
        RETURN NULL;
      END $$;
    CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON ${accountsTable}
      FOR EACH ROW EXECUTE FUNCTION note_change()`);
}

interface Seen {
  what: string;
  key: string;
  id: string;
  at: string;
}
interface Said {
  id: number;
  key: string | null;
  stripeId: string;
  state: string;
  /** When its intent was committed, by the server's clock; null when there is none. */
  intended: string | null;
}

/**
 * Changes of rows that no intent was committed before, and fixes that wrote more or less often than they say.
 * `since`: the number of the last fix before anybody looked.
 */
export async function unaccounted(sql: Sql, local: Sql, since: number): Promise<string[]> {
  const changes = await local<Seen[]>`
    SELECT what, key, stripe_id AS id, to_char(at, 'YYYY-MM-DD HH24:MI:SS.US') AS at FROM row_changes ORDER BY at`;
  const fixes = await sql<Said[]>`
    SELECT f.id, f.local_key AS key, d.stripe_id AS "stripeId", f.state,
           to_char(pg_xact_commit_timestamp(e.xmin), 'YYYY-MM-DD HH24:MI:SS.US') AS intended
    FROM driftdesk.fixes f JOIN driftdesk.discrepancies d ON d.id = f.discrepancy_id
    LEFT JOIN driftdesk.audit_entries e ON e.fix_id = f.id AND e.action = 'fix.intended'
    WHERE f.id > ${since}`;
  const byKey = Map.groupBy(fixes, (fix) => fix.key);
  const byId = Map.groupBy(fixes, (fix) => fix.stripeId);
  const wrote = new Map<Said, number>();
  const wrong: string[] = [];
  for (const change of changes) {
    const its = (change.what === "insert" ? null : byKey.get(change.key)) ?? byId.get(change.id) ?? [];
    for (const fix of its) wrote.set(fix, (wrote.get(fix) ?? 0) + 1);
    if (!its.some(({ intended }) => intended !== null && intended < change.at))
      wrong.push(`no intent was committed before this change: ${JSON.stringify(change)}`);
  }
  for (const fix of fixes) {
    const times = wrote.get(fix) ?? 0;
    if (times !== (fix.state === "applied" ? 1 : 0))
      wrong.push(`a fix says ${fix.state}, and its row was written ${times} times: ${JSON.stringify(fix)}`);
  }
  return wrong;
}
