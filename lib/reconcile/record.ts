// The last step of a resource: what was confirmed becomes discrepancies, what vanished is resolved, and each change
// gets its audit entry, all in one transaction: a killed run has recorded a resource whole or not at all.
import type { TransactionSql } from "postgres";
import { isAutomatic } from "../config/policy.ts";
import { inHand, listed, type RunResourceState, resolvableStates, type Scope } from "../db/schema.ts";
import { quoteLiteral } from "../local/render.ts";
import { moveCursor } from "./cursors.ts";
import { forgetTouched } from "./settled-forget.ts";
import { rememberSettled } from "./settled-remember.ts";
import { dropStagingTables, type Stage } from "./staging.ts";
import { keepFindings, leaveOutKnownBetter, saysInOrder } from "./told-merge.ts";
import type { FileWord } from "./word.ts";

export interface RecordOptions {
  now: Date;
  scope: Scope;
  /** The file whose word this is; null where Stripe was asked. */
  word: FileWord | null;
  state: Extract<RunResourceState, "done" | "incomplete" | "suspicious">;
  /** Why it is not simply done, in words. */
  message: string | null;
  /** Whether rows that one side lacks may be believed. */
  missing: boolean;
  /** Whether anything may be believed; without it the resource only gets its state. */
  differences: boolean;
}

/**
 * In the caller's transaction. Answers false, and does nothing, when a targeted run was overtaken: another run has
 * recorded the resource since this one began to read, and may have seen something newer.
 */
export async function recordResource(
  tx: TransactionSql,
  stage: Stage,
  options: RecordOptions,
): Promise<boolean> {
  if (options.state === "done") await rememberSettled(tx, stage);
  // One recording at a time per resource: the desk may be checking single customers meanwhile.
  await tx`SELECT pg_advisory_xact_lock(hashtextextended(${`record ${stage.accountId} ${stage.resource.name}`}, 0))`;
  const { scope, word } = options;
  if (scope.mode === "targets" && (await isOvertaken(tx, stage))) return false;
  if (options.differences) {
    if (!options.missing)
      await tx.unsafe(`DELETE FROM ${stage.confirmed} WHERE kind IN ('missing_local', 'missing_in_stripe')`);
    await leaveOutNewer(tx, stage, scope);
    await lockKnown(tx, stage, scope);
    if (word) await leaveOutKnownBetter(tx, stage, word);
    await classify(tx, stage, word);
    await updateKnown(tx, stage, options);
    await insertNew(tx, stage, options);
    await resolveVanished(tx, stage, options);
    await audit(tx, stage, options.now);
  }
  if (word) await keepFindings(tx, stage);
  else {
    // A file tells nothing about how far anything was read at Stripe.
    if (options.state === "done") await moveCursor(tx, stage, scope);
    if (scope.mode !== "full" && stage.resource.settled) await forgetTouched(tx, stage, options.now);
    await noteLooks(tx, stage, scope);
  }
  await summarise(tx, stage, options);
  await dropStagingTables(tx, stage);
  return true;
}

async function isOvertaken(tx: TransactionSql, { runId, accountId, resource }: Stage): Promise<boolean> {
  const others = await tx`
    SELECT FROM driftdesk.run_resources s
    JOIN driftdesk.runs r ON r.id = s.run_id
    JOIN driftdesk.scopes mine ON mine.run_id = ${runId} AND mine.resource = s.resource
    WHERE s.resource = ${resource.name} AND s.run_id <> ${runId} AND r.account_id = ${accountId}
      AND s.recorded_at >= mine.begun_at
    LIMIT 1`;
  return others.length > 0;
}

/** What a targeted run looked at is newer than what others read before; when those have recorded, it is nothing special. */
async function noteLooks(tx: TransactionSql, stage: Stage, { mode }: Scope): Promise<void> {
  const names = [stage.runId, stage.accountId, stage.resource.name];
  const begun = "(SELECT begun_at FROM driftdesk.scopes WHERE run_id = $1 AND resource = $3)";
  if (mode === "targets")
    await tx.unsafe(
      `INSERT INTO driftdesk.looks AS k (account_id, resource, match, at)
       SELECT $2, $3, match, ${begun} FROM ${stage.touched}
       ON CONFLICT (account_id, resource, match) DO UPDATE SET at = greatest(k.at, EXCLUDED.at)`,
      names,
    );
  else
    await tx.unsafe(
      `DELETE FROM driftdesk.looks WHERE account_id = $2 AND resource = $3 AND at < ${begun}`,
      names,
    );
}

/** Discrepancies `d` that this scope has something to say something about. */
function lookedAt(stage: Stage, scope: Scope): string {
  const touched = scope.mode === "full" ? "true" : `d.match IN (SELECT match FROM ${stage.touched})`;
  return `${touched} AND NOT ${isNewer("d.match", stage, scope)}`;
}

/** Somebody looked at a match after this run had begun to read: what they saw is newer, and stays. */
const isNewer = (match: string, stage: Stage, scope: Scope): string =>
  scope.mode === "targets"
    ? "false"
    : `EXISTS (
        SELECT FROM driftdesk.looks k JOIN driftdesk.scopes r ON r.resource = k.resource AND r.begun_at <= k.at
        WHERE r.run_id = ${stage.runId} AND k.account_id = ${quoteLiteral(stage.accountId)}
          AND k.resource = ${quoteLiteral(stage.resource.name)} AND k.match = ${match})`;

async function leaveOutNewer(tx: TransactionSql, stage: Stage, scope: Scope): Promise<void> {
  await tx.unsafe(`DELETE FROM ${stage.confirmed} c WHERE ${isNewer("c.match", stage, scope)}`);
}

/** Everything that may be changed below, in the order in which decisions lock: they wait for each other, never in a circle. */
async function lockKnown(tx: TransactionSql, stage: Stage, scope: Scope): Promise<void> {
  await tx.unsafe(
    `
    SELECT count(*) FROM (
      SELECT d.id FROM driftdesk.discrepancies d
      WHERE d.account_id = $1 AND d.resource = $2
        AND ((d.state IN (${listed(resolvableStates)}) AND ${lookedAt(stage, scope)})
             OR EXISTS (SELECT FROM ${stage.confirmed} c
                        WHERE coalesce(d.stripe_id, '') = coalesce(c.stripe_id, '')
                          AND coalesce(d.local_key, '') = coalesce(c.local_key, '')))
      ORDER BY d.id FOR NO KEY UPDATE
    ) locked`,
    [stage.accountId, stage.resource.name],
  );
}

/** Finds out what happened to each: found, changed, reopened, or the same as before. */
async function classify(tx: TransactionSql, stage: Stage, word: FileWord | null): Promise<void> {
  // A file knows less than Stripe: what both tell has to be the same.
  const saysElse = word
    ? "NOT coalesce(d.expected @> c.expected, c.expected IS NULL)"
    : `CASE WHEN d.import_id IS NULL THEN d.expected IS DISTINCT FROM c.expected
                 ELSE NOT coalesce(c.expected @> d.expected, d.expected IS NULL) END`;
  await tx.unsafe(
    `
    WITH known AS (
      SELECT d.* FROM driftdesk.discrepancies d
      JOIN ${stage.confirmed} c
        ON coalesce(d.stripe_id, '') = coalesce(c.stripe_id, '') AND coalesce(d.local_key, '') = coalesce(c.local_key, '')
      WHERE d.account_id = $1 AND d.resource = $2
    )
    UPDATE ${stage.confirmed} c
    SET discrepancy_id = d.id,
        happened = CASE
          WHEN ${inHand} THEN 'in_hand'
          WHEN d.state IN ('fixed', 'resolved') THEN 'reopened'
          WHEN (d.kind, d.fields, d.row_error) IS DISTINCT FROM (c.kind, c.fields, c.row_error)
            OR ${saysElse} THEN 'changed'
          ELSE 'same' END
    FROM known d
    WHERE d.stripe_id IS NOT DISTINCT FROM c.stripe_id AND d.local_key IS NOT DISTINCT FROM c.local_key`,
    [stage.accountId, stage.resource.name],
  );
  await tx.unsafe(`UPDATE ${stage.confirmed} SET happened = 'found' WHERE happened IS NULL`);
}

async function updateKnown(tx: TransactionSql, stage: Stage, { now, word }: RecordOptions): Promise<void> {
  // Other values than those that people decided on: it is open again, and no approval on it counts any more.
  await tx.unsafe(
    `
    UPDATE driftdesk.discrepancies d
    SET kind = c.kind, match = c.match, customer_id = c.customer_id, label = c.label, observed = c.observed, expected = c.expected,
        fields = c.fields, change = c.change, row_error = c.row_error, impact = c.impact,
        amount_minor = c.amount_minor, currency = c.currency, run_id = $1, observed_at = $2,
        import_id = $3, import_line = c.import_line, local_newer = c.local_newer,
        version = d.version + (c.happened <> 'same')::int,
        state = CASE WHEN c.happened = 'same' THEN d.state ELSE 'open' END,
        cause = CASE WHEN c.happened = 'same' THEN d.cause ELSE 'unknown' END,
        cause_evidence = CASE WHEN c.happened = 'same' THEN d.cause_evidence END,
        changed_at = CASE WHEN c.happened = 'same' THEN d.changed_at ELSE $2 END,
        opened_at = CASE WHEN c.happened = 'reopened' THEN $2 ELSE d.opened_at END,
        closed_at = CASE WHEN c.happened = 'same' THEN d.closed_at END,
        snoozed_until = CASE WHEN c.happened = 'same' THEN d.snoozed_until END,
        decided_at = CASE WHEN c.happened = 'same' THEN d.decided_at END,
        decided_by = CASE WHEN c.happened = 'same' THEN d.decided_by END,
        decision_reason = CASE WHEN c.happened = 'same' THEN d.decision_reason END,
        bulk_id = CASE WHEN c.happened = 'same' THEN d.bulk_id END,
        reverted_at = CASE WHEN c.happened = 'same' THEN d.reverted_at END
    FROM ${stage.confirmed} c
    WHERE c.discrepancy_id = d.id AND c.happened IN ('same', 'changed', 'reopened')`,
    [stage.runId, now, word?.id ?? null],
  );
}

async function insertNew(tx: TransactionSql, stage: Stage, { now, word }: RecordOptions): Promise<void> {
  await tx.unsafe(
    `
    WITH added AS (
      INSERT INTO driftdesk.discrepancies
        (account_id, resource, kind, match, stripe_id, local_key, customer_id, label, observed, expected, fields, change,
         row_error, impact, amount_minor, currency, first_run_id, run_id, first_seen_at, opened_at, changed_at, observed_at,
         import_id, import_line, local_newer)
      SELECT $1, $2, kind, match, stripe_id, local_key, customer_id, label, observed, expected, fields, change,
             row_error, impact, amount_minor, currency, $3::bigint, $3::bigint, $4::timestamptz, $4::timestamptz, $4::timestamptz, $4::timestamptz,
             $5::bigint, import_line, local_newer
      FROM ${stage.confirmed} WHERE happened = 'found'
      ORDER BY stripe_id, local_key
      RETURNING id, stripe_id, local_key
    )
    UPDATE ${stage.confirmed} c SET discrepancy_id = a.id
    FROM added a
    WHERE c.happened = 'found' AND a.stripe_id IS NOT DISTINCT FROM c.stripe_id AND a.local_key IS NOT DISTINCT FROM c.local_key`,
    [stage.accountId, stage.resource.name, stage.runId, now, word?.id ?? null],
  );
}

/** What the run looked at and did not see again has gone by itself. */
async function resolveVanished(tx: TransactionSql, stage: Stage, options: RecordOptions): Promise<void> {
  const { word } = options;
  if (options.state === "incomplete") return;
  await tx.unsafe(
    `
    WITH gone AS (
      UPDATE driftdesk.discrepancies d
      SET state = 'resolved', closed_at = $1, run_id = $4${word ? "" : ", import_id = NULL, import_line = NULL, local_newer = false"}
      WHERE d.account_id = $2 AND d.resource = $3 AND d.state IN (${listed(resolvableStates)}) AND NOT ${inHand}
        AND ($5 OR d.kind NOT IN ('missing_local', 'missing_in_stripe'))
        AND ${lookedAt(stage, options.scope)}
        AND NOT EXISTS (SELECT FROM ${stage.confirmed} c WHERE c.discrepancy_id = d.id)
        AND ${word ? saysInOrder(stage, word) : "true"}
      RETURNING d.*
    )
    INSERT INTO ${stage.confirmed}
      (kind, stripe_id, local_key, customer_id, label, fields, impact, amount_minor, currency, change, discrepancy_id, happened)
    SELECT kind, stripe_id, local_key, customer_id, label, fields, impact, amount_minor, currency, change, id, 'resolved' FROM gone`,
    [options.now, stage.accountId, stage.resource.name, stage.runId, options.missing],
  );
}

const auditBatch = 5_000;

async function audit(tx: TransactionSql, stage: Stage, now: Date): Promise<void> {
  // Ordered by id, so that the chain of an interrupted run equals an undisturbed one's. In batches: one JSON value
  // for a million entries would not fit.
  for (let after: number | null = 0; after !== null; ) {
    const batches: { last: number | null }[] = await tx.unsafe(
      `
      WITH batch AS (
        SELECT * FROM ${stage.confirmed}
        WHERE happened IN ('found', 'changed', 'reopened', 'resolved') AND discrepancy_id > $4
        ORDER BY discrepancy_id LIMIT ${auditBatch}
      ), appended AS (
        SELECT driftdesk.append_audit(jsonb_agg(jsonb_build_object(
          'actor', 'system', 'action', 'discrepancy.' || happened, 'account_id', $1::text, 'resource', $2::text,
          'discrepancy_id', discrepancy_id, 'run_id', $3::bigint, 'subject', coalesce(label, stripe_id, local_key),
          'data', jsonb_build_object('kind', kind, 'stripeId', stripe_id, 'localKey', local_key,
            'customerId', customer_id, 'fields', fields, 'impact', impact))
          ORDER BY discrepancy_id), $5::timestamptz) AS appended
        FROM batch
      )
      SELECT max(b.discrepancy_id) AS last FROM batch b, appended a WHERE a.appended > 0`,
      [stage.accountId, stage.resource.name, stage.runId, after, now],
    );
    after = batches[0]?.last ?? null;
  }
}

async function summarise(tx: TransactionSql, stage: Stage, options: RecordOptions): Promise<void> {
  const count = (kind: string) =>
    options.differences
      ? `(SELECT count(*) FROM ${stage.confirmed} WHERE kind = '${kind}' AND happened <> 'resolved')`
      : "0";
  await tx.unsafe(
    `
    UPDATE driftdesk.run_resources
    SET state = $3, message = $4, recorded_at = clock_timestamp(),
        settled = CASE WHEN taken.read_at IS NULL THEN 0
                       ELSE (SELECT count(*) FROM ${stage.expected} WHERE remembered) END,
        settled_read_at = taken.read_at,
        compared = (SELECT count(*) FROM ${stage.local}) +
                   (SELECT count(DISTINCT match) FROM ${stage.candidates} WHERE kind = 'missing_local'),
        mismatch = ${count("mismatch")}, missing_local = ${count("missing_local")},
        missing_in_stripe = ${count("missing_in_stripe")}, duplicate = ${count("duplicate")},
        paired = ${pairedSql(stage, options)},
        row_errors = ${options.differences ? `(SELECT count(*) FROM ${stage.confirmed} WHERE row_error IS NOT NULL)` : "0"}
    FROM (SELECT min(read_at) AS read_at FROM driftdesk.windows WHERE run_id = $1 AND resource = $2) taken
    WHERE run_id = $1 AND resource = $2`,
    [stage.runId, stage.resource.name, options.state, options.message],
  );
}

/** What policies measure a share of the table by. Nobody else asks for it. */
function pairedSql({ local, expected, resource }: Stage, { scope }: RecordOptions): string {
  if (scope.mode !== "full" || !isAutomatic(resource)) return "NULL";
  return `(SELECT count(*) FROM ${local} l WHERE EXISTS (SELECT FROM ${expected} e WHERE e.match = l.match))`;
}
