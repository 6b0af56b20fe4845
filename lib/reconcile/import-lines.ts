// Both sides of a resource by the word of a file: each line becomes what Stripe would say, as far as it tells, and the local rows that
// the lines are about are read. Line by line in pages: a page's rows and what became of its lines are one transaction.
import type { TransactionSql } from "postgres";
import type { ImportFindingKind } from "../db/schema.ts";
import type { Line, Telling } from "../quick-fix/partial.ts";
import type { CellValue } from "../quick-fix/words.ts";
import { typeOfId } from "../stripe/ids.ts";
import { stageInserts, stageLocalRows } from "./asked.ts";
import { stageExpected } from "./expected.ts";
import { type Found, findByAddress } from "./import-addresses.ts";
import type { Sides } from "./sides.ts";
import type { Stage } from "./staging.ts";
import { type ToldRow, toldInsert, toldRow } from "./told-row.ts";
import { touchTold } from "./touched.ts";
import type { FileWord } from "./word.ts";

const linesPerPage = 2_000;

/** Stages what a file says and the local rows that it is about. Called again after a kill, it goes on behind the last page. */
export async function readImport(context: Sides, stage: Stage, word: FileWord): Promise<void> {
  const vague = await vagueTimes(context, word);
  await context.begin((tx) => createLinesTable(tx, stage));
  for (;;) {
    context.signal.throwIfAborted();
    const page = await nextPage(context, stage, word);
    if (page.length === 0) break;
    const read = await readPage(context, stage, page, vague);
    const matches = read.flatMap(({ row }) => row?.match ?? []);
    await context.begin((tx) => touchTold(tx, stage, matches));
    await stageLocalRows(context, stage);
    await context.begin((tx) => stagePage(tx, stage, read, vague));
  }
  await context.begin((tx) => leaveOutAmbiguous(tx, stage));
}

/** What an import's line says. */
interface StoredLine {
  line: number;
  stripeId: string | null;
  customer: string | null;
  email: string | null;
  values: Record<string, CellValue>;
}

interface ReadLine {
  stored: StoredLine;
  told: Line;
  row: ToldRow | null;
  finding: ImportFindingKind | null;
  detail: Record<string, unknown>;
}

/** Made once: what is in it says how far the reading came. */
async function createLinesTable(tx: TransactionSql, stage: Stage): Promise<void> {
  const [made] = await tx`SELECT to_regclass(${stage.lines}) IS NOT NULL AS is`;
  if (made?.is) return;
  await tx.unsafe(`
    CREATE UNLOGGED TABLE ${stage.lines} (
      line bigint PRIMARY KEY,
      stripe_id text,
      match text,
      -- Whether the file tells what says which of several counts.
      ranked boolean NOT NULL,
      dated boolean NOT NULL,
      finding text,
      detail jsonb NOT NULL DEFAULT '{}'
    );
    CREATE INDEX ON ${stage.lines} (match);
    CREATE INDEX ON ${stage.lines} (stripe_id)`);
}

const nextPage = ({ sql }: Sides, stage: Stage, { id }: FileWord): Promise<StoredLine[]> =>
  sql.unsafe<StoredLine[]>(
    `SELECT line, stripe_id AS "stripeId", customer_id AS customer, email, data AS values
     FROM driftdesk.import_lines
     WHERE import_id = $1 AND line > (SELECT coalesce(max(line), 0) FROM ${stage.lines})
     ORDER BY line LIMIT ${linesPerPage}`,
    [id],
  );

async function readPage(
  context: Sides,
  stage: Stage,
  page: readonly StoredLine[],
  vague: Telling["vague"],
): Promise<ReadLine[]> {
  const { resource } = stage;
  const read = page.map((stored): ReadLine => {
    const { stripeId, customer, values, line } = stored;
    const told = { id: stripeId, customer, values };
    const blank: ReadLine = { stored, told, row: null, finding: null, detail: {} };
    // A file of payments has charges and intents: each is another resource's.
    if (stripeId !== null && typeOfId(stripeId) !== resource.stripe) return blank;
    if (isOfAnotherMode(values, context.stripe.livemode))
      return { ...blank, finding: "other_account", detail: { livemode: !context.stripe.livemode } };
    const row = toldRow(stage, told, vague, standIn(line));
    return row.match === null ? { ...blank, finding: "unmatched" } : { ...blank, row };
  });
  if (resource.match.by === "customerEmail") return read;
  const addressed = read.filter(({ finding, stored }) => finding === "unmatched" && stored.email !== null);
  const found = await findByAddress(context, stage, [
    ...new Set(addressed.map((one) => one.stored.email as string)),
  ]);
  return read.map((one) => (addressed.includes(one) ? byAddress(stage, one, found, vague) : one));
}

/** Stands for the id of an object in a line that has none, so that nothing else is taken for it. */
const standIn = (line: number) => `line ${line}`;

function byAddress(
  stage: Stage,
  one: ReadLine,
  found: ReadonlyMap<string, Found[]>,
  vague: Telling["vague"],
): ReadLine {
  const rows = found.get((one.stored.email as string).trim().toLowerCase()) ?? [];
  const candidates = rows.map(({ key }) => key);
  const [only] = rows;
  if (rows.length > 1) return { ...one, finding: "ambiguous", detail: { candidates } };
  if (!only?.match) return { ...one, detail: candidates.length > 0 ? { candidates } : {} };
  const told: Line =
    stage.resource.match.by === "id"
      ? { ...one.told, id: only.match }
      : { ...one.told, customer: only.match };
  const row = toldRow(stage, told, vague, standIn(one.stored.line));
  return { ...one, told, row: { ...row, match: only.match }, finding: null };
}

function isOfAnotherMode(values: StoredLine["values"], livemode: boolean): boolean {
  if (typeof values.livemode === "boolean") return values.livemode !== livemode;
  const mode = typeof values.mode === "string" ? values.mode.toLowerCase() : "";
  return (mode === "live" && !livemode) || (mode === "test" && livemode);
}

async function stagePage(
  tx: TransactionSql,
  stage: Stage,
  read: readonly ReadLine[],
  vague: Telling["vague"],
): Promise<void> {
  await tx.unsafe(
    `INSERT INTO ${stage.lines} (line, stripe_id, match, ranked, dated, finding, detail)
     SELECT line, stripe_id, match, ranked, dated, finding, detail
     FROM jsonb_to_recordset($1::text::jsonb) AS v
       (line bigint, stripe_id text, match text, ranked boolean, dated boolean, finding text, detail jsonb)`,
    [
      JSON.stringify(
        read.map(({ stored, row, finding, detail }) => ({
          line: stored.line,
          stripe_id: row?.stripeId ?? null,
          match: row?.match ?? null,
          ranked: row?.ranked ?? false,
          dated: row?.dated ?? false,
          finding,
          detail,
        })),
      ),
    ],
  );
  const lines = read.flatMap(({ row, told }) => (row ? [{ row, told }] : []));
  const rows = lines.map(({ row }) => row);
  await stageExpected(tx, stage, rows);
  await stageInserts(tx, stage, rows, (i, insert) =>
    toldInsert(stage, (lines[i] as (typeof lines)[number]).told, vague, insert),
  );
  await tx`
    UPDATE driftdesk.run_resources SET objects = objects + ${rows.length}
    WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name}`;
}

/** Several lines about one local row, of which the file does not say which counts, and several local rows with one address. */
async function leaveOutAmbiguous(tx: TransactionSql, stage: Stage): Promise<void> {
  const { by } = stage.resource.match;
  await tx.unsafe(`
    WITH several AS (
      SELECT l.match, bool_and(l.ranked) AS ranked, array_agg(DISTINCT l.line) AS lines,
             count(*) FILTER (WHERE e.rank = best.rank) AS first,
             bool_and(l.dated) FILTER (WHERE e.rank = best.rank) AS dated,
             max(e.created) FILTER (WHERE e.rank = best.rank) AS newest,
             array_agg(e.created) FILTER (WHERE e.rank = best.rank) AS times
      FROM ${stage.lines} l
      JOIN ${stage.expected} e ON e.stripe_id = l.stripe_id
      JOIN (SELECT match, min(rank) AS rank, count(*) AS lines FROM ${stage.expected} GROUP BY match) best
        ON best.match = l.match AND best.lines > 1
      WHERE l.finding IS NULL GROUP BY l.match
    ), undecided AS (
      SELECT match, jsonb_build_object('lines', lines) AS detail FROM several
      WHERE ${by === "id" ? "true" : "NOT ranked OR (first > 1 AND (NOT dated OR cardinality(array_positions(times, newest)) > 1))"}
    )${
      by === "customerEmail"
        ? `, shared AS (
      SELECT match, jsonb_build_object('candidates', jsonb_agg(key ORDER BY key)) AS detail
      FROM ${stage.local} GROUP BY match HAVING count(*) > 1
    )`
        : ", shared AS (SELECT NULL::text AS match, NULL::jsonb AS detail WHERE false)"
    }
    UPDATE ${stage.lines} l SET finding = 'ambiguous', detail = l.detail || u.detail
    FROM (SELECT match, jsonb_object_agg(k, v) AS detail
          FROM (SELECT * FROM undecided UNION ALL SELECT * FROM shared) both_, jsonb_each(detail) AS x (k, v)
          GROUP BY match) u
    WHERE l.match = u.match AND l.finding IS NULL`);
  // Which local rows they could be about, to choose from.
  await tx.unsafe(`
    UPDATE ${stage.lines} l SET detail = l.detail || jsonb_build_object('candidates', k.keys)
    FROM (SELECT match, jsonb_agg(key ORDER BY key) AS keys FROM ${stage.local} GROUP BY match) k
    WHERE l.finding = 'ambiguous' AND l.match = k.match`);
  for (const table of [stage.touched, stage.local, stage.expected])
    await tx.unsafe(
      `DELETE FROM ${table} WHERE match IN (SELECT match FROM ${stage.lines} WHERE finding = 'ambiguous' AND match IS NOT NULL)`,
    );
}

/** Columns of times, by the names that the reader gives them. A payout arrives on a day, which begins at midnight. */
const timeColumns = [
  "created",
  "created date",
  "start date",
  "current period start",
  "current period end",
  "trial start",
  "trial end",
  "canceled at",
  "ended at",
];

/** How much later than it says a time of each column can be, in seconds: a file that shows no seconds has left them out. */
async function vagueTimes({ sql }: Sides, { id }: FileWord): Promise<Telling["vague"]> {
  const rows = await sql<{ column: string; minutes: boolean }[]>`
    SELECT c.column, bool_and((l.data ->> c.column)::numeric % 60 = 0) AS minutes
    FROM driftdesk.import_lines l, unnest(${timeColumns}::text[]) AS c ("column")
    WHERE l.import_id = ${id} AND jsonb_typeof(l.data -> c.column) = 'number'
    GROUP BY c.column`;
  return new Map(rows.map(({ column, minutes }) => [column, minutes ? 59 : 0]));
}
