import { createHash } from "node:crypto";
import type { Sql, TransactionSql } from "postgres";

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

export interface VerifyOptions {
  /** Told after each range: so many entries of so many. */
  onProgress?: (done: number, of: number) => void;
  /** Entries that are looked at in one statement. */
  range?: number;
}

const mostProblems = 100;

/**
 * Computes the whole chain again from the entries' contents and compares every link. Range by range in the order of the
 * index: neither this process nor Postgres holds more than one range, and no transaction stays open. What is added
 * meanwhile is verified as well.
 */
export async function verifyAudit(sql: Sql, options: VerifyOptions = {}): Promise<AuditVerdict> {
  const { onProgress, range = 20_000 } = options;
  const [head] = await sql<{ seq: number }[]>`SELECT seq FROM driftdesk.audit_head`;
  let at = beginning;
  const found: AuditProblem[] = [];
  const verifyRange = async (on: Sql | TransactionSql): Promise<boolean> => {
    const { problems, ...next } = await followChain(on, at, range);
    const full = next.length - at.length === range;
    found.push(...problems.slice(0, mostProblems - found.length));
    at = next;
    onProgress?.(at.length, Math.max(at.length, head?.seq ?? 0));
    return full;
  };
  while (await verifyRange(sql));
  // The last entries and the recorded end have to be of one moment.
  const end = (await sql.begin("ISOLATION LEVEL REPEATABLE READ READ ONLY", async (tx) => {
    while (await verifyRange(tx));
    const [row] = await tx<{ seq: number; hash: string }[]>`
      SELECT seq, encode(hash, 'hex') AS hash FROM driftdesk.audit_head`;
    return row;
  })) as { seq: number; hash: string } | undefined;
  if (!end) found.push({ seq: 0, problem: "The record of where the chain ends is missing." });
  if (end && (end.seq !== at.seq || end.hash !== at.hash))
    found.push({
      seq: end.seq,
      problem:
        end.seq > at.seq
          ? `The chain ends at ${at.seq}, but ${end.seq} was written: entries at its end are missing.`
          : "The end of the chain is not the one that was recorded: entries were added or changed around it.",
    });
  return {
    ok: found.length === 0,
    length: at.length,
    head: end?.hash ?? "",
    lastAt: at.lastAt,
    problems: found,
  };
}

/** How far the chain is verified. */
interface Place {
  seq: number;
  /** The link there, in hexadecimal. */
  hash: string;
  lastAt: Date | null;
  /** Entries up to it. */
  length: number;
}

const beginning: Place = {
  seq: 0,
  hash: createHash("sha256").update("driftdesk audit chain").digest("hex"),
  lastAt: null,
  length: 0,
};

async function followChain(
  sql: Sql | TransactionSql,
  from: Place,
  range: number,
): Promise<Place & { problems: AuditProblem[] }> {
  // Numbers below 1, too, which nobody was given.
  const after = from.length === 0 ? "-9223372036854775808" : String(from.seq);
  const [row] = await sql<(Place & { problems: AuditProblem[] })[]>`
    WITH part AS (
      SELECT e.*
      FROM driftdesk.audit_entries e
      WHERE e.seq > ${after}::bigint
      ORDER BY e.seq
      LIMIT ${range}
    ), link AS (
      SELECT p.seq, p.hash, p.prev_hash,
             lag(p.seq, 1, ${from.seq}::bigint) OVER chain AS seq_before,
             lag(p.hash, 1, decode(${from.hash}, 'hex')) OVER chain AS hash_before,
             sha256(convert_to(driftdesk.audit_content(
               p.seq, p.at, p.actor, p.action, p.account_id, p.resource,
               p.discrepancy_id, p.run_id, p.bulk_id, p.fix_id, p.subject, p.data), 'UTF8')) AS digest
      FROM part p
      WINDOW chain AS (ORDER BY p.seq)
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
    ), judgement AS (
      SELECT count(*) AS length, max(j.seq) AS seq,
             coalesce(jsonb_agg(jsonb_build_object('seq', j.seq, 'problem', j.problem) ORDER BY j.seq)
                        FILTER (WHERE j.problem IS NOT NULL), '[]') AS problems
      FROM judged j
    )
    SELECT j.length, j.seq, j.problems, encode(e.hash, 'hex') AS hash, e.at AS "lastAt"
    FROM judgement j
    LEFT JOIN driftdesk.audit_entries e ON e.seq = j.seq`;
  if (!row || row.length === 0) return { ...from, problems: [] };
  return { ...row, length: from.length + row.length };
}
