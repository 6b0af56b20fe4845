// How a file's word joins what is known: it says nothing against what Stripe itself said later, and what it does not tell stays.
import type { TransactionSql } from "postgres";
import { quoteLiteral } from "../local/render.ts";
import { expectedSide } from "./compare.ts";
import type { Stage } from "./staging.ts";
import type { FileWord } from "./word.ts";

/** When a file was made, as far as it can be said against what Stripe told: nobody knows means before all of that. */
const madeSql = ({ exportedAt }: FileWord): string =>
  exportedAt === null ? "'-infinity'::timestamptz" : `${quoteLiteral(exportedAt.toISOString())}::timestamptz`;

/** Whether the word of a discrepancy `d` is newer than the file's: Stripe's own, or a later file's. In SQL. */
const isNewerWord = (word: FileWord): string => `CASE
  WHEN d.import_id IS NULL THEN greatest(d.observed_at, d.closed_at) > ${madeSql(word)}
  ELSE d.import_id <> ${word.id} AND EXISTS (
    SELECT FROM driftdesk.imports i WHERE i.id = d.import_id AND i.exported_at > ${madeSql(word)}) END`;

/** What is known better is left as it is, and so is what somebody decided about more than the file tells. */
export async function leaveOutKnownBetter(tx: TransactionSql, stage: Stage, word: FileWord): Promise<void> {
  await tx.unsafe(
    `
    WITH better AS (
      SELECT DISTINCT ON (c.match) c.match, d.id,
             jsonb_build_object('discrepancy', d.id, 'at', greatest(d.observed_at, d.closed_at)) AS detail
      FROM ${stage.confirmed} c
      JOIN driftdesk.discrepancies d ON d.account_id = $1 AND d.resource = $2 AND d.match = c.match
      WHERE ${isNewerWord(word)}
         OR (d.import_id IS NULL AND d.state IN ('rejected', 'snoozed', 'waiting') AND d.local_key IS NOT DISTINCT FROM c.local_key
             AND d.expected @> c.expected AND d.fields @> c.fields AND d.fields <> c.fields)
      ORDER BY c.match, d.id DESC
    ), left_out AS (
      DELETE FROM ${stage.confirmed} c USING better b WHERE c.match = b.match
    )
    UPDATE ${stage.lines} l SET finding = 'known_better', detail = b.detail
    FROM better b WHERE l.match = b.match AND (l.finding IS NULL OR l.finding = 'newer_here')`,
    [stage.accountId, stage.resource.name],
  );
}

/**
 * Whether the file says that a discrepancy `d` has gone: it is the word of a file that is not newer, and this one tells every column
 * that differed. In SQL.
 */
export function saysInOrder(stage: Stage, word: FileWord): string {
  return `d.import_id IS NOT NULL AND NOT (${isNewerWord(word)})
        AND NOT EXISTS (SELECT FROM ${stage.lines} l
                        WHERE l.match = d.match AND l.finding IN ('known_better', 'ambiguous', 'other_account', 'unmatched'))
        AND EXISTS (
          SELECT FROM (${expectedSide(stage, stage.expected)}) e
          JOIN ${stage.local} l ON l.match = e.match
          WHERE e.match = d.match AND e.error IS NULL AND (d.local_key IS NULL OR l.key = d.local_key)
            AND CASE WHEN d.row_error IS NULL
              THEN NOT EXISTS (SELECT FROM jsonb_array_elements(d.fields) f WHERE f ->> 'name' = ANY(e.failed))
              ELSE e.failed IS NULL END)`;
}

/** Shown beside the run: what could not be said with certainty about lines. */
export async function keepFindings(tx: TransactionSql, stage: Stage): Promise<void> {
  await tx.unsafe(
    `INSERT INTO driftdesk.import_findings AS f (run_id, resource, line, finding, detail)
     SELECT $1, $2, line, finding, detail FROM ${stage.lines} WHERE finding IS NOT NULL
     ON CONFLICT (run_id, resource, line) DO UPDATE SET finding = EXCLUDED.finding, detail = EXCLUDED.detail`,
    [stage.runId, stage.resource.name],
  );
}
