// The beginning of a short full run: what an earlier run found settled is not read again before its time. Its expected
// rows come from the memory, and everything else goes on as ever, so that only Stripe's side may be old.
import type { Sql, TransactionSql } from "postgres";
import type { Stage } from "./staging.ts";

/** Less than this need not be true of two machines' clocks for the memory to be right. */
export const clocksApart = "interval '5 minutes'";

/**
 * Marks the settled ranges that this run need not read as done windows, cuts them out of the open ones, and stages
 * their expected rows. In the transaction that laid the windows out; does nothing unless the run is a full one of a
 * resource that asks for it.
 */
export async function takeSettled(tx: TransactionSql, stage: Stage, now: Date): Promise<void> {
  await dropUseless(tx, stage, now);
  const memoryId = await memoryOf(tx, stage);
  if (memoryId === null || !(await leaveOut(tx, stage, memoryId, now))) return;
  await cutWindows(tx, stage);
  await takeRows(tx, stage, memoryId);
}

/** Made before anything is read: what is heard of meanwhile has to have a place to be written down. */
async function memoryOf(
  tx: TransactionSql,
  { runId, accountId, resource, layout }: Stage,
): Promise<number | null> {
  if (!resource.settled) return null;
  await tx`
    INSERT INTO driftdesk.settled (account_id, resource, layout)
    SELECT ${accountId}, ${resource.name}, ${layout} FROM driftdesk.runs WHERE id = ${runId} AND mode = 'full'
    ON CONFLICT DO NOTHING`;
  const [memory] = await tx<{ id: number }[]>`
    SELECT s.id FROM driftdesk.settled s
    JOIN driftdesk.runs r ON r.id = ${runId} AND r.mode = 'full'
    WHERE s.account_id = ${accountId} AND s.resource = ${resource.name} AND s.layout = ${layout}`;
  return memory?.id ?? null;
}

/** Whether what an interrupted attempt left out is too old by now, or the mapping does not ask for it any more. */
export async function takenIsOutdated(sql: Sql, stage: Stage, now: Date): Promise<boolean> {
  const { settled } = stage.resource;
  const [taken] = await sql<{ outdated: boolean | null }[]>`
    SELECT min(read_at) <= ${settled ? oldest(now, settled) : now} AS outdated FROM driftdesk.windows
    WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name}`;
  return taken?.outdated ?? false;
}

/** Memories that no run may use any more: of another mapping, of a resource without the setting, of one long gone. */
async function dropUseless(
  tx: TransactionSql,
  { accountId, resource, layout }: Stage,
  now: Date,
): Promise<void> {
  await tx`
    WITH dropped AS (
      DELETE FROM driftdesk.settled s
      WHERE CASE WHEN s.account_id = ${accountId} AND s.resource = ${resource.name}
                 THEN s.layout <> ${layout} OR ${resource.settled === undefined}
                 ELSE NOT EXISTS (SELECT FROM driftdesk.settled_ranges r
                                  WHERE r.settled_id = s.id AND r.good_until > ${now})
                      -- A run that is under way may be about to remember something.
                      AND NOT EXISTS (SELECT FROM driftdesk.runs u
                                      JOIN driftdesk.run_resources c ON c.run_id = u.id AND c.resource = s.resource
                                      WHERE u.account_id = s.account_id AND u.state = 'running') END
      RETURNING s.id
    )
    DELETE FROM driftdesk.settled_objects o USING dropped WHERE o.settled_id = dropped.id`;
}

const oldest = (now: Date, { rereadEveryMs }: { rereadEveryMs: number }) =>
  new Date(now.getTime() - rereadEveryMs);

/**
 * Which ranges stand as they were read: young enough, hardly anything of them in doubt, and not among those whose turn
 * it is. The oldest have their turn, as many as the time since the last run is of `rereadEvery`: so they are read again
 * a few in each run, not all in one.
 */
async function leaveOut(tx: TransactionSql, stage: Stage, memoryId: number, now: Date): Promise<boolean> {
  const { runId, accountId, resource } = stage;
  const { settled } = resource;
  if (!settled) return false;
  const left = await tx`
    WITH known AS (
      SELECT r.*, r.read_at > ${oldest(now, settled)} AND r.read_at <= ${now} AS young
      FROM driftdesk.settled_ranges r WHERE r.settled_id = ${memoryId}
    ), heard AS (
      SELECT stripe_id, forgotten_at AS at FROM driftdesk.settled_forgotten WHERE settled_id = ${memoryId}
      UNION ALL
      -- Whatever was found out about an object, by whichever way, says that its memory is old.
      SELECT d.stripe_id, CASE WHEN d.state IN ('fixed', 'resolved') THEN greatest(d.changed_at, d.observed_at, d.closed_at) ELSE 'infinity' END
      FROM driftdesk.discrepancies d
      WHERE d.account_id = ${accountId} AND d.resource = ${resource.name} AND d.stripe_id IS NOT NULL
    ), doubted AS (
      SELECT DISTINCT k.created_from, o.created
      FROM heard h
      JOIN driftdesk.settled_objects o ON o.stripe_id = h.stripe_id AND o.settled_id = ${memoryId}
      JOIN known k ON o.created >= k.created_from AND o.created < k.created_to
      WHERE h.at > k.read_at - ${tx.unsafe(clocksApart)} AND h.at > ${oldest(now, settled)}::timestamptz - ${tx.unsafe(clocksApart)}
    ), holes AS (
      SELECT created_from, count(*) AS count, range_agg(int8range(created, created + 1)) AS seconds
      FROM doubted GROUP BY created_from
    ), aged AS (
      SELECT k.*, sum(k.objects) OVER (ORDER BY k.read_at, k.created_from) - k.objects AS older,
             sum(k.objects) OVER () * least(1, extract(epoch FROM ${now}::timestamptz - max(k.read_at) OVER ()) * 1000
               / ${settled.rereadEveryMs}) AS turn
      FROM known k
    ), pieces AS (
      SELECT a.read_at, piece
      FROM aged a
      LEFT JOIN holes h USING (created_from)
      CROSS JOIN LATERAL unnest(
        int8multirange(int8range(a.created_from, a.created_to)) - coalesce(h.seconds, '{}')) AS piece
      -- A hole costs a request and so does a page: at least half of them have to be saved.
      WHERE a.young AND a.older >= a.turn AND coalesce(h.count, 0) * 200 <= a.objects
        -- A backup may have come without them.
        AND a.objects = (SELECT count(*) FROM driftdesk.settled_objects o
                         WHERE o.settled_id = ${memoryId} AND o.created >= a.created_from AND o.created < a.created_to)
    )
    INSERT INTO driftdesk.windows (run_id, resource, created_from, created_to, state, objects, read_at)
    SELECT ${runId}, ${resource.name}, lower(piece), upper(piece), 'done',
           (SELECT count(*) FROM driftdesk.settled_objects o
            WHERE o.settled_id = ${memoryId} AND o.created >= lower(piece) AND o.created < upper(piece)),
           read_at
    FROM pieces`;
  return left.count > 0;
}

/** The open windows without what was left out; those that nothing is left of are gone. */
async function cutWindows(tx: TransactionSql, { runId, resource }: Stage): Promise<void> {
  await tx`
    WITH whole AS (
      DELETE FROM driftdesk.windows WHERE run_id = ${runId} AND resource = ${resource.name} AND state = 'open'
      RETURNING created_from, created_to
    ), had AS (
      SELECT range_agg(int8range(created_from, created_to)) AS taken FROM driftdesk.windows
      WHERE run_id = ${runId} AND resource = ${resource.name} AND read_at IS NOT NULL
    )
    INSERT INTO driftdesk.windows (run_id, resource, created_from, created_to)
    SELECT ${runId}, ${resource.name}, lower(rest), upper(rest)
    FROM whole, had, unnest(int8multirange(int8range(whole.created_from, whole.created_to)) - had.taken) AS rest
    ORDER BY rest DESC`;
}

async function takeRows(tx: TransactionSql, stage: Stage, memoryId: number): Promise<void> {
  const { runId, resource, columns } = stage;
  await tx.unsafe(
    `
    INSERT INTO ${stage.expected}
      (stripe_id, match, customer_id, label, created, rank, amount_minor, currency, remembered
       ${columns.map((_, i) => `, f${i}`).join("")})
    SELECT o.stripe_id, o.match, o.customer_id, o.label, o.created, o.rank, o.amount_minor, o.currency, true
       ${columns.map(({ staging }, i) => `, o.fields[${i + 1}]::${staging}`).join("")}
    FROM driftdesk.windows w
    JOIN driftdesk.settled_objects o ON o.created >= w.created_from AND o.created < w.created_to
    WHERE o.settled_id = $1 AND w.run_id = $2 AND w.resource = $3 AND w.read_at IS NOT NULL`,
    [memoryId, runId, resource.name],
  );
}
