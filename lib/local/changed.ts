// Which local rows changed since an earlier look: by the column that says when, and by what was committed at that time.
import type { Sql } from "postgres";
import { type LocalTable, quoteName } from "./catalog.ts";
import { quoteLiteral } from "./render.ts";

/** How far a look at a table reached. */
export interface LocalHorizon {
  /** By the clock of the table's database. */
  at: Date;
  /** The transactions that it could see, as Postgres writes them; null where rows do not show theirs. */
  snapshot: string | null;
  /** Which table it was. Another one of the same name, or one that was emptied or written anew, differs in it. */
  table: string;
}

/** How far a look that begins now will reach. Throws nothing that a readable table would not. */
export async function localHorizon(local: Sql, table: LocalTable): Promise<LocalHorizon> {
  const [row] = await local<
    { now: Date; oldest: Date | null; snapshot: string; exact: boolean; id: string }[]
  >`
    SELECT clock_timestamp() AS now, pg_current_snapshot()::text AS snapshot,
           -- Of other roles' transactions Postgres tells the beginning only to those who may read all statistics.
           least((SELECT min(xact_start) FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid()),
                 (SELECT min(prepared) FROM pg_prepared_xacts WHERE database = current_database())) AS oldest,
           -- Views and foreign tables do not say which transaction wrote a row, and not every role may ask.
           CASE WHEN c.relkind IN ('r', 'p', 'm') THEN has_column_privilege(c.oid, 'xmin', 'SELECT') ELSE false END AS exact,
           concat_ws('/', (SELECT oid FROM pg_database WHERE datname = current_database()), c.oid, c.relfilenode) AS id
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ${table.schema} AND c.relname = ${table.name}`;
  if (!row) throw new Error(`Table ${table.schema}.${table.name} was there a moment ago`);
  const { now, oldest, snapshot, exact } = row;
  return exact
    ? { at: now, snapshot, table: row.id }
    : { at: oldest !== null && oldest < now ? oldest : now, snapshot: null, table: row.id };
}

/** Whether a database has seen what a snapshot has: one that was set back to an earlier state has not. */
export const reaches = (later: string, earlier: string): boolean =>
  BigInt(later.split(":")[1] ?? 0) >= BigInt(earlier.split(":")[0] ?? 0);

/** Rows say when they were changed by the clock of whoever changed them, in whatever time zone that is. */
const exactOverlapMs = 24 * 3_600_000;
const overlapMs = 5 * 60_000;

/** From when on rows have to be looked at that may have changed since a look. */
export const changedFrom = ({ at, snapshot }: Pick<LocalHorizon, "at" | "snapshot">): Date =>
  new Date(at.getTime() - (snapshot === null ? overlapMs : exactOverlapMs));

/**
 * SQL condition on the rows `t` that were changed at or after a time, by a column that says so; of those only the ones
 * whose transaction is not older than all that a snapshot found open. One that was open then is found however long it
 * took. What a snapshot says of single transactions cannot be asked: savepoints have numbers of their own, which it lacks.
 */
export function changedSince(column: string, from: Date, snapshot: string | null): string {
  const recent = `t.${quoteName(column)} >= ${quoteLiteral(from.toISOString())}::timestamptz`;
  if (snapshot === null) return recent;
  const newest = "(SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint)";
  const oldest = snapshot.split(":")[0];
  // A row shows the lower half of its transaction's number; what would be in the future is from the turn before.
  const number = `(${newest} >> 32 << 32) + t.xmin::text::bigint`;
  return `${recent}
      -- A frozen row is as old as can be, whatever number it shows.
      AND age(t.xmin) <= (SELECT ${newest} - ${oldest} + 100000)
      AND ${number} - CASE WHEN ${number} > ${newest} THEN 4294967296 ELSE 0 END >= ${oldest}`;
}
