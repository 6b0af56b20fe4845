import type { Sql } from "postgres";
import type { AuditEntry } from "../db/schema.ts";
import { type AuditFilter, auditCondition } from "./filter.ts";

/** An entry for reading; its place in the chain as hexadecimal text. */
export type AuditView = Omit<AuditEntry, "prevHash" | "hash"> & { hash: string };

/** So many entries: the newest, those next before the entry of this number, or those next after it. */
export interface AuditPlace {
  limit: number;
  before?: number | undefined;
  after?: number | undefined;
  /** How many entries a search looks at, of those that the rest of the filter leaves. */
  reach?: number | undefined;
}

type Reached = Pick<AuditView, "seq" | "at">;

export interface AuditList {
  entries: AuditView[];
  /** The last entry that a search looked at, when it stopped before the end and before it had found so many. */
  reached: Reached | null;
}

/** An index for parts of names takes an extension, which not every role may install: a page looks at so many instead. */
export const searchReach = 100_000;

/**
 * Newest first. Up to a day in the past it is the times that lead there, whose order is that of the numbers but for what
 * processes with other clocks wrote.
 */
export async function listAudit(sql: Sql, filter: AuditFilter, place: AuditPlace): Promise<AuditList> {
  const { limit, before, after, reach = searchReach } = place;
  const byTime = filter.to !== undefined;
  const position = byTime ? sql`(e.at, e.seq)` : sql`e.seq`;
  const of = (seq: number) =>
    byTime ? sql`(SELECT c.at, c.seq FROM driftdesk.audit_entries c WHERE c.seq = ${seq})` : sql`${seq}`;
  const direction = after ? sql`` : sql`DESC`;
  const order = sql`ORDER BY ${byTime ? sql`e.at ${direction}, e.seq ${direction}` : sql`e.seq ${direction}`}`;
  const { search, ...rest } = filter;
  const searched = sql`
    driftdesk.audit_entries e
    WHERE ${auditCondition(sql, rest)}
      ${before ? sql`AND ${position} < ${of(before)}` : sql``}
      ${after ? sql`AND ${position} > ${of(after)}` : sql``}
    ${order}`;
  const entries = await sql<AuditView[]>`
    SELECT e.seq, e.at, e.actor, e.action, e.account_id AS "accountId", e.resource,
           e.discrepancy_id AS "discrepancyId", e.run_id AS "runId", e.bulk_id AS "bulkId", e.fix_id AS "fixId",
           e.subject, e.data, encode(e.hash, 'hex') AS hash
    FROM ${search ? sql`(SELECT e.* FROM ${searched} LIMIT ${reach}) e WHERE ${auditCondition(sql, { search })} ${order}` : searched}
    LIMIT ${limit}`;
  const [reached, beyond] =
    search && entries.length < limit
      ? await sql<Reached[]>`SELECT e.seq, e.at FROM ${searched} OFFSET ${reach - 1} LIMIT 2`
      : [];
  return { entries: after ? entries.reverse() : entries, reached: reached && beyond ? reached : null };
}

/** Everybody who has done anything, by their address. */
export async function auditActors(sql: Sql): Promise<string[]> {
  // One step down the index per person, however long the history is.
  const rows = await sql<{ actor: string }[]>`
    WITH RECURSIVE walk AS (
      (SELECT e.actor FROM driftdesk.audit_entries e ORDER BY e.actor LIMIT 1)
      UNION ALL
      SELECT (SELECT e.actor FROM driftdesk.audit_entries e WHERE e.actor > w.actor ORDER BY e.actor LIMIT 1)
      FROM walk w WHERE w.actor IS NOT NULL
    )
    SELECT w.actor FROM walk w WHERE w.actor IS NOT NULL`;
  return rows.map((row) => row.actor);
}
