// What a run that does not read everything looks at: matches that were touched on one side or the other, and what Stripe
// has to be asked to know each of them whole. Both are staging tables, so that a killed run knows what it has done.
import type { TransactionSql } from "postgres";
import { createStagingTables, type Stage } from "./staging.ts";

/** What Stripe is to be asked: for objects by their ids, and for everything that belongs to a customer. */
export interface Questions {
  objects: readonly string[];
  customers: readonly string[];
}

/** Makes the tables, and lays the marker that local rows are staged in them. */
export async function createTouchedTables(tx: TransactionSql, stage: Stage): Promise<void> {
  await createStagingTables(tx, stage);
  await tx.unsafe(`
    DROP TABLE IF EXISTS ${stage.touched}, ${stage.asked}, ${stage.lines};
    CREATE INDEX ON ${stage.expected} (stripe_id);
    CREATE INDEX ON ${stage.expected} (match);
    CREATE INDEX ON ${stage.local} (match);
    CREATE UNLOGGED TABLE ${stage.touched} (
      match text PRIMARY KEY,
      -- Known before Stripe was asked about it: its local rows are older than Stripe's answer, as they have to be.
      early boolean NOT NULL,
      -- Its local rows are staged.
      read boolean NOT NULL DEFAULT false,
      -- By object, the row that missingLocal.insert makes of it, or what is wrong with it; while there is none.
      inserts jsonb NOT NULL DEFAULT '{}'
    );
    CREATE UNLOGGED TABLE ${stage.asked} (
      kind text NOT NULL CHECK (kind IN ('object', 'customer')),
      id text NOT NULL,
      state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'unreadable')),
      message text,
      PRIMARY KEY (kind, id)
    )`);
  await tx`
    INSERT INTO driftdesk.local_copies (run_id, resource, rows) VALUES (${stage.runId}, ${stage.resource.name}, 0)
    ON CONFLICT (run_id, resource) DO UPDATE SET rows = 0`;
  await tx`
    UPDATE driftdesk.run_resources SET objects = 0, objects_expected = NULL, local_rows = 0
    WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name}`;
}

/** Notes what Stripe has to be asked, and the matches that the names alone say. */
export async function ask(tx: TransactionSql, stage: Stage, questions: Questions): Promise<void> {
  const { by } = stage.resource.match;
  await insertAsked(tx, stage, questions);
  if (by === "id") await insertTouched(tx, stage, questions.objects, true);
  if (by === "customer") await insertTouched(tx, stage, questions.customers, true);
}

/** Notes matches that are known by a local row or a discrepancy, and what Stripe has to be asked to know them whole. */
export async function touch(tx: TransactionSql, stage: Stage, matches: readonly string[]): Promise<void> {
  const { by } = stage.resource.match;
  await insertTouched(tx, stage, matches, true);
  await insertAsked(tx, stage, {
    objects: by === "id" ? matches : [],
    customers: by === "customer" ? matches : [],
  });
}

/** Matches that only Stripe's answer named: their local rows are read after it. */
export const touchLate = (tx: TransactionSql, stage: Stage, matches: readonly string[]) =>
  insertTouched(tx, stage, matches, false);

/** Matches that a file tells of: nothing is asked about them. */
export const touchTold = (tx: TransactionSql, stage: Stage, matches: readonly string[]) =>
  insertTouched(tx, stage, matches, true);

async function insertTouched(tx: TransactionSql, stage: Stage, matches: readonly string[], early: boolean) {
  if (matches.length === 0) return;
  await tx.unsafe(
    `INSERT INTO ${stage.touched} (match, early) SELECT DISTINCT m, $2::boolean FROM unnest($1::text[]) m
     ON CONFLICT DO NOTHING`,
    [[...matches], early],
  );
}

async function insertAsked(tx: TransactionSql, stage: Stage, questions: Questions): Promise<void> {
  const { objects, customers } = questions;
  if (objects.length === 0 && customers.length === 0) return;
  await tx.unsafe(
    `INSERT INTO ${stage.asked} (kind, id)
     SELECT DISTINCT 'object', id FROM unnest($1::text[]) id
     UNION ALL SELECT DISTINCT 'customer', id FROM unnest($2::text[]) id
     ON CONFLICT DO NOTHING`,
    [[...objects], [...customers]],
  );
}

/**
 * For resources that are matched by address: what has one of the touched addresses has to be read, and an address is
 * touched when somebody had it whose objects are read.
 */
export async function followAddresses(tx: TransactionSql, stage: Stage): Promise<void> {
  if (stage.resource.match.by !== "customerEmail") return;
  const known = `driftdesk.addresses a WHERE a.account_id = $1 AND a.resource = $2`;
  const names = [stage.accountId, stage.resource.name];
  await tx.unsafe(
    `INSERT INTO ${stage.touched} (match, early)
     SELECT DISTINCT a.match, true FROM ${known} AND (
       a.customer_id IN (SELECT id FROM ${stage.asked} WHERE kind = 'customer')
       OR a.object_id IN (SELECT id FROM ${stage.asked} WHERE kind = 'object'))
     ON CONFLICT DO NOTHING`,
    names,
  );
  await tx.unsafe(
    `INSERT INTO ${stage.asked} (kind, id)
     SELECT DISTINCT CASE a.customer_id WHEN '' THEN 'object' ELSE 'customer' END, a.customer_id || a.object_id
     FROM ${known} AND a.match IN (SELECT match FROM ${stage.touched})
     ON CONFLICT DO NOTHING`,
    names,
  );
}

/** What could not be read is neither compared nor resolved. */
export async function leaveOutUnread(tx: TransactionSql, stage: Stage): Promise<void> {
  const unread = `(SELECT id FROM ${stage.asked} WHERE state <> 'done')`;
  for (const table of [stage.touched, stage.local, stage.expected])
    await tx.unsafe(`DELETE FROM ${table} WHERE match IN ${unread}`);
}

/** Rows that claim something else by now, which nobody asked about, are the next run's. */
export async function leaveOutUntouched(tx: TransactionSql, stage: Stage): Promise<void> {
  await tx.unsafe(
    `DELETE FROM ${stage.reread} r WHERE NOT EXISTS (SELECT FROM ${stage.touched} t WHERE t.match = r.match)`,
  );
}

/** Gives candidates that still have no row the one that was made of their object while it was at hand. */
export async function useInserts(tx: TransactionSql, stage: Stage): Promise<void> {
  if (stage.resource.missingLocal === "report") return;
  const made = `
    SELECT c.match, c.stripe_id, t.inserts -> c.stripe_id AS made
    FROM ${stage.candidates} c JOIN ${stage.touched} t ON t.match = c.match
    WHERE c.kind = 'missing_local' AND c.insert_values IS NULL AND t.inserts ? c.stripe_id
      AND NOT EXISTS (SELECT FROM ${stage.reread} r WHERE r.match = c.match)`;
  await tx.unsafe(`
    UPDATE ${stage.reasked} e SET error = concat_ws('; ', e.error, m.made ->> 'error')
    FROM (${made}) m WHERE e.stripe_id = m.stripe_id AND m.made ->> 'error' IS NOT NULL`);
  await tx.unsafe(`
    UPDATE ${stage.candidates} c SET insert_values = m.made -> 'values'
    FROM (${made}) m WHERE c.match = m.match AND m.made ->> 'error' IS NULL`);
}
