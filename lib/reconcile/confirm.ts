// Nothing is shown before both sides were read again: a webhook in flight during the run must not become noise.
import type { TransactionSql } from "postgres";
import type { StripeObject } from "../config/resource.ts";
import { quoteName, quoteTable } from "../local/catalog.ts";
import { keyEquals } from "../local/guard.ts";
import { expectedSide } from "./compare.ts";
import { readCurrent } from "./current.ts";
import { stageExpected } from "./expected.ts";
import { insertValues } from "./insert.ts";
import { rereadRows } from "./local-rows.ts";
import { isUnreachable } from "./patience.ts";
import { projectObject } from "./project.ts";
import type { Sides } from "./sides.ts";
import { createReaskedTable, type Stage } from "./staging.ts";
import { together } from "./together.ts";

/** Reads the local rows of all candidates again, in bulk. */
export const rereadLocal = (context: Sides, stage: Stage): Promise<void> =>
  rereadRows(context, stage, `SELECT key, match FROM ${stage.candidates}`);

interface Candidate {
  match: string;
  /** No local row claims it, as of now. */
  rowless: boolean;
  /** Of the local row, when there is one. */
  key: string | null;
}

export interface Doubt {
  /** Rows that one side lacks are to be believed, if they are confirmed. */
  missing: boolean;
  /** Each candidate was asked for by itself, just now: only those whose local side moved since are asked for again. */
  justAsked: boolean;
}

/**
 * Asks Stripe again, one by one, about the candidates that one side lacks, about those whose local row changed or went
 * while the run went on, and about those that were not read in this run. Answers how many could not be asked; these are
 * dropped from the candidates, not believed.
 */
export async function reaskStripe(context: Sides, stage: Stage, doubt: Doubt): Promise<number> {
  await context.begin((tx) => createReaskedTable(tx, stage));
  const moved = stage.columns
    .map((_, i) => `r.f${i} IS DISTINCT FROM l.f${i}`)
    .concat("r.match IS DISTINCT FROM l.match")
    .join(" OR ");
  // What a row that moved meanwhile stands for by now is no candidate: it may be newer than what the windows read.
  const movedTo = `SELECT NULL, NULL, key, match FROM ${stage.reread}`;
  const candidates = context.sql.unsafe<Candidate[]>(`
    SELECT DISTINCT ON (c.match) c.match, c.key, m.match IS NULL AS rowless
    FROM (SELECT kind, stripe_id, key, match FROM ${stage.candidates} UNION ALL ${movedTo}) c
    LEFT JOIN ${stage.reread} r ON r.key = c.key
    LEFT JOIN ${stage.local} l ON l.key = r.key
    LEFT JOIN (SELECT DISTINCT match FROM ${stage.reread}) m ON m.match = c.match
    ${doubt.justAsked ? `LEFT JOIN ${stage.touched} t ON t.match = c.match` : ""}
    WHERE ${doubtful(doubt, moved)}
       OR (c.key IS NOT NULL AND c.stripe_id IS NOT NULL AND (r.key IS NULL OR ${moved}))
       OR (c.kind IS NULL AND r.match = c.match AND l.match IS DISTINCT FROM r.match)
       OR ${stage.resource.settled ? `EXISTS (SELECT FROM ${stage.reasked} e WHERE e.match = c.match AND e.remembered)` : "false"}
    ORDER BY c.match, c.key`);
  let unasked = 0;
  for await (const batch of candidates.cursor(context.parallel * 10)) {
    const queue = [...batch];
    const worker = async (signal: AbortSignal) => {
      for (let candidate = queue.pop(); candidate; candidate = queue.pop()) {
        signal.throwIfAborted();
        try {
          await reask(context, stage, candidate);
        } catch (error) {
          if (!isUnreachable(error)) throw error;
          unasked++;
          await forget(context, stage, candidate);
        }
      }
    };
    await together(context.signal, Array<typeof worker>(context.parallel).fill(worker));
  }
  return unasked;
}

/** Which candidates are asked about although their row says the same as before. */
function doubtful({ missing, justAsked }: Doubt, moved: string): string {
  const lacking = missing ? "c.kind IN ('missing_local', 'missing_in_stripe')" : "false";
  if (!justAsked) return lacking;
  // Where local rows were read after Stripe's answer, they may have moved in between.
  return `t.match IS NULL OR NOT t.early
       OR (${lacking} AND CASE WHEN c.key IS NULL THEN m.match IS NOT NULL ELSE r.key IS NULL OR ${moved} END)`;
}

const forget = (context: Sides, stage: Stage, { match }: Candidate) =>
  context.begin(async (tx) => {
    for (const table of [stage.candidates, stage.reread, stage.reasked])
      await tx.unsafe(`DELETE FROM ${table} WHERE match = $1`, [match]);
  });

async function reask(context: Sides, stage: Stage, candidate: Candidate): Promise<void> {
  const { resource, table } = stage;
  const { match } = candidate;
  const known = resource.match.by === "customerEmail" ? await knownBy(context, stage, candidate) : {};
  const objects = await readCurrent(context.stripe, resource, { by: resource.match.by, match, ...known });
  const mine = objects
    .map((object) => projectObject(resource, table, object))
    .filter((row) => row.match === match);
  await context.begin(async (tx) => {
    await tx.unsafe(`DELETE FROM ${stage.reasked} WHERE match = $1`, [match]);
    await stageExpected(tx, stage, mine, stage.reasked);
    if (candidate.rowless && resource.missingLocal !== "report")
      await stageInsert(tx, stage, { match, objects, insert: resource.missingLocal.insert });
  });
}

/**
 * Stripe finds a customer only by the address as it is written there, and a guest's charge not at all: what is already
 * known to belong to the address is asked for by id.
 */
async function knownBy(context: Sides, stage: Stage, { match, key }: Candidate) {
  const staged = await context.sql.unsafe<{ customer: string | null; object: string }[]>(
    `SELECT customer_id AS customer, stripe_id AS object FROM ${stage.reasked} WHERE match = $1`,
    [match],
  );
  const { resource, table } = stage;
  const written =
    key === null
      ? []
      : await context.local.unsafe<{ address: string }[]>(
          `SELECT btrim(t.${quoteName(resource.match.column)}::text) AS address
           FROM ${quoteTable(table)} t WHERE ${keyEquals(table, { key: resource.key }, "$1::text")}`,
          [key],
        );
  return {
    addresses: written.map((row) => row.address).filter((address) => address?.toLowerCase() === match),
    customers: staged.flatMap((row) => row.customer ?? []),
    objects: staged.flatMap((row) => (row.customer === null ? row.object : [])),
  };
}

/** What `missingLocal.insert` makes of the object that stands for the missing row. */
async function stageInsert(
  tx: TransactionSql,
  stage: Stage,
  wanted: {
    match: string;
    objects: readonly StripeObject[];
    insert: (object: never) => Record<string, unknown>;
  },
): Promise<void> {
  const [chosen] = await tx.unsafe<{ id: string }[]>(
    `SELECT stripe_id AS id FROM (${expectedSide(stage, stage.reasked)}) e WHERE match = $1`,
    [wanted.match],
  );
  const object = wanted.objects.find((one) => one.id === chosen?.id);
  if (!object) return;
  const { values, error } = insertValues(stage.table, wanted.insert, object);
  if (error)
    await tx.unsafe(
      `UPDATE ${stage.reasked} SET error = concat_ws('; ', error, $2::text) WHERE stripe_id = $1`,
      [object.id, error],
    );
  else
    await tx.unsafe(`UPDATE ${stage.candidates} SET insert_values = $2::text::jsonb WHERE match = $1`, [
      wanted.match,
      JSON.stringify(values),
    ]);
}
