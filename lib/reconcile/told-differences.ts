// What differs by the word of a file, before it is recorded. Local rows are read a second time as in any run; Stripe is not asked.
import { quoteName, quoteTable } from "../local/catalog.ts";
import { type Assessment, believed, isTooMuchMissing } from "./assess.ts";
import { confirmCandidates } from "./compare.ts";
import { rereadLocal } from "./confirm.ts";
import { condition, rowsPerQuery } from "./local-rows.ts";
import type { Sides } from "./sides.ts";
import { createReaskedTable, type Stage } from "./staging.ts";
import { leaveOutUntouched, useInserts } from "./touched.ts";
import type { FileWord } from "./word.ts";

/** Answers how much of it may be believed. */
export async function confirmTold(context: Sides, stage: Stage, word: FileWord): Promise<Assessment> {
  const { begin } = context;
  await rereadLocal(context, stage);
  await begin((tx) => leaveOutUntouched(tx, stage));
  await begin((tx) => createReaskedTable(tx, stage));
  await begin((tx) => useInserts(tx, stage));
  await begin((tx) => confirmCandidates(tx, stage));
  await begin((tx) => tx.unsafe(`CREATE INDEX ON ${stage.confirmed} (match)`));
  await leaveOutUntold(context, stage);
  await markNewer(context, stage, word);
  return suspicion(context, stage, word);
}

/** A file can be filtered: what it lacks may be in Stripe, and a new row needs everything told that it would hold. */
const leaveOutUntold = ({ begin }: Sides, stage: Stage) =>
  begin(async (tx) => {
    const whole = stage.resource.missingLocal === "report" ? "true" : "k.insert_values IS NOT NULL";
    await tx.unsafe(`
      WITH gone AS (
        DELETE FROM ${stage.confirmed} c
        WHERE c.kind = 'missing_in_stripe'
           OR (c.kind = 'missing_local' AND NOT EXISTS (
                 SELECT FROM ${stage.candidates} k WHERE k.match = c.match AND k.kind = 'missing_local' AND ${whole}))
        RETURNING c.kind, c.match
      )
      UPDATE ${stage.lines} l SET finding = 'unmatched'
      FROM gone WHERE gone.kind = 'missing_local' AND l.match = gone.match AND l.finding IS NULL`);
    // What is not told is not the file's word; of an object without an id nothing stands for one.
    await tx.unsafe(`
      UPDATE ${stage.confirmed} c
      SET expected = CASE WHEN c.kind = 'missing_local' AND ${stage.resource.missingLocal === "report" ? "false" : "true"}
                          THEN c.expected ELSE c.expected - coalesce(e.failed, '{}') END,
          import_line = (SELECT min(l.line) FROM ${stage.lines} l WHERE l.stripe_id = c.stripe_id),
          stripe_id = CASE WHEN c.stripe_id NOT LIKE 'line %' THEN c.stripe_id END
      FROM ${stage.reasked} e WHERE e.stripe_id = c.stripe_id`);
    await tx.unsafe(
      `UPDATE ${stage.confirmed} c SET stripe_id = d.stripe_id
       FROM driftdesk.discrepancies d
       WHERE c.stripe_id IS NULL AND d.account_id = $1 AND d.resource = $2 AND d.match = c.match
         AND d.local_key = c.local_key AND d.stripe_id IS NOT NULL AND d.state NOT IN ('fixed', 'resolved')`,
      [stage.accountId, stage.resource.name],
    );
  });

/** Local rows that were changed after the file was made: it may be they that are right. */
async function markNewer({ begin, sql, local, signal }: Sides, stage: Stage, word: FileWord): Promise<void> {
  const { updatedAt, key } = stage.resource;
  if (updatedAt === undefined) return;
  const made = word.exportedAt ?? word.uploadedAt;
  const keys = sql.unsafe<{ key: string }[]>(
    `SELECT DISTINCT local_key AS key FROM ${stage.confirmed} WHERE local_key IS NOT NULL`,
  );
  for await (const batch of keys.cursor(rowsPerQuery)) {
    signal.throwIfAborted();
    const newer = await local.unsafe<{ key: string }[]>(
      `SELECT t.${quoteName(key)}::text AS key FROM ${quoteTable(stage.table)} t
       WHERE ${condition(stage, "key")} AND t.${quoteName(updatedAt)} > $2::text::timestamptz`,
      [batch.map((row) => row.key), made.toISOString()],
    );
    if (newer.length === 0) continue;
    await begin((tx) =>
      tx.unsafe(
        `WITH newer AS (
           UPDATE ${stage.confirmed} SET local_newer = true WHERE local_key = ANY($1::text[])
           RETURNING import_line, local_key
         )
         UPDATE ${stage.lines} l SET finding = 'newer_here', detail = jsonb_build_object('candidates', jsonb_build_array(n.local_key))
         FROM newer n WHERE l.line = n.import_line AND l.finding IS NULL`,
        [newer.map((row) => row.key)],
      ),
    );
  }
}

/** A file of another account, or one that is mapped wrongly, names what nobody here has. */
async function suspicion({ sql }: Sides, stage: Stage, { fileName, id }: FileWord): Promise<Assessment> {
  const [counts] = await sql.unsafe<{ told: number; missing: number }[]>(
    `SELECT (SELECT count(*)::int FROM ${stage.expected}) AS told,
            (SELECT count(*)::int FROM ${stage.candidates} WHERE kind = 'missing_local') AS missing`,
  );
  const { told, missing } = counts ?? { told: 0, missing: 0 };
  if (!isTooMuchMissing(missing, told)) return believed;
  const file = fileName === null ? `Import ${id}` : `"${fileName}"`;
  return {
    state: "suspicious",
    message: `${file} names ${told} records, and ${missing} of them have no row here. So many at once are more likely a file of another account, or a wrong mapping, than drift: none of them is reported missing.`,
    missing: false,
    differences: true,
  };
}
