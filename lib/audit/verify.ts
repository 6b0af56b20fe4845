import type { Sql } from "postgres";

export interface AuditProblem {
  seq: number;
  problem: string;
}

export interface AuditVerdict {
  ok: boolean;
  /** How many entries there are. */
  length: number;
  /** The last link, in hexadecimal. Kept elsewhere, it proves later that nothing before it was touched. */
  head: string;
  lastAt: Date | null;
  /** The first hundred. */
  problems: AuditProblem[];
}

/** Computes the whole chain again from the entries' contents and compares every link, in one snapshot of the table. */
export async function verifyAudit(sql: Sql): Promise<AuditVerdict> {
  return sql.begin("ISOLATION LEVEL REPEATABLE READ READ ONLY", async (tx) => {
    const problems = await tx<AuditProblem[]>`
      WITH link AS (
        SELECT e.seq, e.hash, e.prev_hash,
               coalesce(lag(e.seq) OVER chain, 0) AS seq_before,
               coalesce(lag(e.hash) OVER chain, sha256('driftdesk audit chain'::bytea)) AS hash_before,
               sha256(convert_to(driftdesk.audit_content(
                 e.seq, e.at, e.actor, e.action, e.account_id, e.resource,
                 e.discrepancy_id, e.run_id, e.bulk_id, e.fix_id, e.subject, e.data), 'UTF8')) AS digest
        FROM driftdesk.audit_entries e
        WINDOW chain AS (ORDER BY e.seq)
      ), judged AS (
        SELECT l.seq,
               CASE
                 WHEN l.seq = l.seq_before + 2 THEN 'The entry before this one is missing.'
                 WHEN l.seq <> l.seq_before + 1
                   THEN (l.seq - l.seq_before - 1) || ' entries before this one are missing.'
                 WHEN l.prev_hash <> l.hash_before
                   THEN 'It does not follow from the entry before it: one of the two was replaced or moved.'
                 WHEN l.hash <> sha256(l.prev_hash || l.digest) THEN 'Its content was changed after it was written.'
               END AS problem
        FROM link l
      )
      SELECT j.seq, j.problem FROM judged j WHERE j.problem IS NOT NULL ORDER BY j.seq LIMIT 100`;
    const [end] = await tx<
      {
        length: number;
        lastSeq: number;
        lastHash: string;
        lastAt: Date | null;
        headSeq: number;
        headHash: string;
      }[]
    >`
      SELECT (SELECT count(*) FROM driftdesk.audit_entries) AS length, coalesce(e.seq, 0) AS "lastSeq",
             encode(coalesce(e.hash, sha256('driftdesk audit chain'::bytea)), 'hex') AS "lastHash", e.at AS "lastAt",
             h.seq AS "headSeq", encode(h.hash, 'hex') AS "headHash"
      FROM driftdesk.audit_head h
      LEFT JOIN LATERAL (SELECT * FROM driftdesk.audit_entries ORDER BY seq DESC LIMIT 1) AS e ON true`;
    const found = [...problems];
    if (!end) found.push({ seq: 0, problem: "The record of where the chain ends is missing." });
    if (end && (end.headSeq !== end.lastSeq || end.headHash !== end.lastHash))
      found.push({
        seq: end.headSeq,
        problem:
          end.headSeq > end.lastSeq
            ? `The chain ends at ${end.lastSeq}, but ${end.headSeq} was written: entries at its end are missing.`
            : "The end of the chain is not the one that was recorded: entries were added or changed around it.",
      });
    return {
      ok: found.length === 0,
      length: end?.length ?? 0,
      head: end?.headHash ?? "",
      lastAt: end?.lastAt ?? null,
      problems: found,
    };
  }) as Promise<AuditVerdict>;
}
