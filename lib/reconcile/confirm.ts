// Nothing is shown before both sides were read again: a webhook in flight during the run must not become noise.
import type { Sql } from "postgres";
import { DriftdeskError } from "../errors.ts";
import type { LocalColumn } from "../local/catalog.ts";
import { quoteName } from "../local/catalog.ts";
import { copyInto, copyLine } from "../local/copy.ts";
import type { StripeReader } from "../stripe/reader.ts";
import { readCurrent } from "./current.ts";
import { insertValues } from "./insert.ts";
import { columnOf, projectObject } from "./project.ts";
import {
  createRereadTable,
  expectedColumns,
  expectedLine,
  localColumns,
  localRowsQuery,
  type Stage,
} from "./staging.ts";

export interface ConfirmContext {
  sql: Sql;
  local: Sql;
  stripe: StripeReader;
  signal: AbortSignal;
  parallel: number;
}

interface Candidate {
  kind: "mismatch" | "missing_local" | "missing_in_stripe" | "duplicate";
  stripeId: string | null;
  match: string;
}

const keysPerQuery = 2_000;

/** Reads the local rows of all candidates again, in bulk: by key, and by what they match. */
export async function rereadLocal(context: ConfirmContext, stage: Stage): Promise<void> {
  await createRereadTable(context.sql, stage);
  const { table, resource } = stage;
  const key = columnOf(table, resource.key);
  const match = columnOf(table, resource.match.column);
  const matchSide =
    resource.match.by === "customerEmail"
      ? `lower(btrim(t.${quoteName(match.name)}::text)) = ANY($1::text[])`
      : `t.${quoteName(match.name)} = ANY(${arrayParameter(match)})`;
  const read = async (column: "key" | "match", condition: string) => {
    const query = context.sql.unsafe<{ value: string }[]>(
      `SELECT DISTINCT ${column} AS value FROM ${stage.candidates} WHERE ${column} IS NOT NULL`,
    );
    for await (const batch of query.cursor(keysPerQuery)) {
      context.signal.throwIfAborted();
      const values = batch.map((row) => row.value);
      const rows = await context.local.unsafe(localRowsQuery(stage, condition), [values]).values();
      const lines = rows.map((row) => copyLine(row as (string | null)[])).join("");
      if (lines !== "")
        await context.sql.begin((tx) => copyInto(tx, stage.reread, localColumns(stage), lines));
    }
  };
  await read("key", `t.${quoteName(key.name)} = ANY(${arrayParameter(key)})`);
  await read("match", matchSide);
}

/** `$1` as an array that the column's own index can serve. Text kinds compare as text: a cast to varchar(n) would cut values short. */
function arrayParameter(column: LocalColumn): string {
  return ["text", "varchar", "bpchar", "citext", "name"].includes(column.base)
    ? "$1::text[]"
    : `$1::text[]::${column.type}[]`;
}

/**
 * Asks Stripe again, one by one, about the candidates that one side lacks, and about those whose local row changed
 * while the run went on. Answers how many could not be asked; these are dropped from the candidates, not believed.
 */
export async function reaskStripe(context: ConfirmContext, stage: Stage, missing: boolean): Promise<number> {
  const rereadDiffers = stage.columns
    .map((_, i) => `r.f${i} IS DISTINCT FROM l.f${i}`)
    .concat("false")
    .join(" OR ");
  const candidates = context.sql.unsafe<Candidate[]>(`
    SELECT c.kind, c.stripe_id AS "stripeId", c.match FROM ${stage.candidates} c
    WHERE ${missing ? "c.kind IN ('missing_local', 'missing_in_stripe')" : "false"}
       OR (c.key IS NOT NULL AND c.stripe_id IS NOT NULL AND EXISTS (
             SELECT FROM ${stage.reread} r JOIN ${stage.local} l ON l.key = r.key
             WHERE r.key = c.key AND (${rereadDiffers})))`);
  let unasked = 0;
  for await (const batch of candidates.cursor(context.parallel * 10)) {
    const queue = [...batch];
    const worker = async () => {
      for (let candidate = queue.pop(); candidate; candidate = queue.pop()) {
        context.signal.throwIfAborted();
        try {
          await reask(context, stage, candidate);
        } catch (error) {
          if (!(error instanceof DriftdeskError) || !unreachable.has(error.code)) throw error;
          unasked++;
          for (const table of [stage.candidates, stage.reread])
            await context.sql.unsafe(`DELETE FROM ${table} WHERE match = $1`, [candidate.match]);
        }
      }
    };
    await Promise.all(Array.from({ length: context.parallel }, worker));
  }
  return unasked;
}

const unreachable = new Set(["stripe_unreachable", "stripe_rate_limited"]);

async function reask(context: ConfirmContext, stage: Stage, candidate: Candidate): Promise<void> {
  const { by } = stage.resource.match;
  const objects = await readCurrent(context.stripe, stage.resource, { by, match: candidate.match });
  const projected = objects.map((object) => projectObject(stage.resource, stage.table, object));
  await context.sql.begin(async (tx) => {
    const ids = [candidate.stripeId, ...projected.map((row) => row.stripeId)].filter((id) => id !== null);
    await tx.unsafe(`DELETE FROM ${stage.expected} WHERE stripe_id = ANY($1::text[])`, [ids]);
    if (stage.resource.match.by !== "id")
      await tx.unsafe(`DELETE FROM ${stage.expected} WHERE match = $1`, [candidate.match]);
    const mine = projected.filter((row) => row.match === candidate.match);
    await copyInto(tx, stage.expected, expectedColumns(stage), mine.map(expectedLine).join(""));
    const insert = stage.resource.missingLocal;
    if (candidate.kind !== "missing_local" || insert === "report") return;
    const object = objects.find((one) => one.id === candidate.stripeId);
    if (!object) return;
    const { values, error } = insertValues(stage.table, insert.insert, object);
    if (error)
      await tx.unsafe(
        `UPDATE ${stage.expected} SET error = concat_ws('; ', error, $2::text) WHERE stripe_id = $1`,
        [object.id, error],
      );
    else
      await tx.unsafe(`UPDATE ${stage.candidates} SET insert_values = $2::text::jsonb WHERE stripe_id = $1`, [
        object.id,
        JSON.stringify(values),
      ]);
  });
}
