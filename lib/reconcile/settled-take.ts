// The beginning of a short full run: what an earlier run found settled is not read again before its time. Its expected
// rows come from the memory, and everything else goes on as ever, so that only Stripe's side may be old.
import type { Sql, TransactionSql } from "postgres";
import { listedStates } from "./settled-states.ts";
import type { Stage } from "./staging.ts";

/**
 * Marks the settled ranges that this run need not read as done windows, cuts them out of the open ones, and stages
 * their expected rows. In the transaction that laid the windows out; does nothing unless the run is a full one of a
 * resource that asks for it.
 */
export async function takeSettled(tx: TransactionSql, stage: Stage, now: Date): Promise<void> {
  await dropUseless(tx, stage, now);
  await makeMemory(tx, stage);
  const memoryId = await memoryOf(tx, stage);
  if (memoryId === null || !(await leaveOut(tx, stage, memoryId, now))) return;
  await cutWindows(tx, stage);
  await takeRows(tx, stage, memoryId);
}

/** Made before anything is read: what is heard of meanwhile has to have a place to be written down. */
async function makeMemory(tx: TransactionSql, { runId, accountId, resource }: Stage): Promise<void> {
  if (!resource.settled) return;
  await tx`
    INSERT INTO driftdesk.settled (account_id, resource, layout)
    SELECT ${accountId}, s.resource, s.mapping
    FROM driftdesk.scopes s JOIN driftdesk.runs r ON r.id = s.run_id AND r.mode = 'full'
    WHERE s.run_id = ${runId} AND s.resource = ${resource.name}
    ON CONFLICT DO NOTHING`;
}

/** The memory that a full run under this mapping may use and fill; null for other runs. */
export async function memoryOf(
  sql: Sql | TransactionSql,
  { runId, accountId, resource }: Stage,
): Promise<number | null> {
  if (!resource.settled) return null;
  const [memory] = await sql<{ id: number }[]>`
    SELECT m.id FROM driftdesk.settled m
    JOIN driftdesk.scopes s ON s.run_id = ${runId} AND s.resource = m.resource AND s.mapping = m.layout
    JOIN driftdesk.runs r ON r.id = s.run_id AND r.mode = 'full'
    WHERE m.account_id = ${accountId} AND m.resource = ${resource.name}`;
  return memory?.id ?? null;
}

/** The memory that this run has taken something from; null when it has not. */
export async function takenFrom(sql: Sql | TransactionSql, stage: Stage): Promise<number | null> {
  const [taken] = await sql`
    SELECT FROM driftdesk.windows
    WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name} AND read_at IS NOT NULL LIMIT 1`;
  return taken ? memoryOf(sql, stage) : null;
}

/** Memories that no run may use any more: of another mapping, of a resource without the setting, of one long gone. */
async function dropUseless(
  tx: TransactionSql,
  { runId, accountId, resource }: Stage,
  now: Date,
): Promise<void> {
  await tx`
    WITH dropped AS (
      DELETE FROM driftdesk.settled m
      WHERE CASE WHEN m.account_id = ${accountId} AND m.resource = ${resource.name}
                 THEN ${resource.settled === undefined} OR m.layout <> (
                   SELECT s.mapping FROM driftdesk.scopes s
                   WHERE s.run_id = ${runId} AND s.resource = ${resource.name})
                 ELSE NOT EXISTS (SELECT FROM driftdesk.settled_ranges r
                                  WHERE r.settled_id = m.id AND r.good_until > ${now})
                      -- A run that is under way may be about to remember something.
                      AND NOT EXISTS (SELECT FROM driftdesk.runs u
                                      JOIN driftdesk.run_resources c ON c.run_id = u.id AND c.resource = m.resource
                                      WHERE u.account_id = m.account_id AND u.state = 'running') END
      RETURNING m.id
    )
    DELETE FROM driftdesk.settled_objects o USING dropped WHERE o.settled_id = dropped.id`;
}

/** Whether what an interrupted attempt left out is too old by now, or the mapping does not ask for it any more. */
export async function takenIsOutdated(sql: Sql, stage: Stage, now: Date): Promise<boolean> {
  const { settled } = stage.resource;
  const [taken] = await sql<{ outdated: boolean | null }[]>`
    SELECT min(read_at) <= ${settled ? oldest(now, settled) : now} AS outdated FROM driftdesk.windows
    WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name}`;
  return taken?.outdated ?? false;
}

const oldest = (now: Date, { rereadEveryMs }: { rereadEveryMs: number }) =>
  new Date(now.getTime() - rereadEveryMs);

/**
 * Whether it saves anything to leave a range out: an object by itself costs a request, and so does a page; half of the
 * pages at least have to be saved.
 */
export const worthRemembering = (range: string, heard = "0") =>
  `100 * (${range}.apart + ${heard}) + ${range}.listed <= ${range}.objects / 2`;

/** Less than this need not be true of two machines' clocks for the memory to be right. */
export const clocksApart = "interval '5 minutes'";

/** The range of memory `$1` that a time is in: the last that begins before it, if it does not end before it too. */
export function rangeOf(created: string): string {
  return `
    SELECT * FROM (
      SELECT * FROM driftdesk.settled_ranges
      WHERE settled_id = $1 AND created_from <= ${created} ORDER BY created_from DESC LIMIT 1
    ) last WHERE created_to > ${created}`;
}

/**
 * Remembered objects that something was heard of since their range was read, by the range's beginning: whatever was found
 * out about an object, by whichever way, says that its memory is old. `$1` is the memory, `$2` and `$3` account and resource.
 */
export const heardOf = `
  SELECT r.created_from, o.stripe_id
  FROM (
    SELECT stripe_id, forgotten_at AS at FROM driftdesk.settled_forgotten WHERE settled_id = $1
    UNION ALL
    SELECT d.stripe_id, CASE WHEN d.state IN ('fixed', 'resolved')
                             THEN greatest(d.changed_at, d.observed_at, d.closed_at) ELSE 'infinity' END
    FROM driftdesk.discrepancies d
    WHERE d.account_id = $2 AND d.resource = $3 AND d.stripe_id IS NOT NULL
  ) heard
  JOIN driftdesk.settled_objects o
    ON o.settled_id = $1 AND o.stripe_id = heard.stripe_id AND o.fields IS NOT NULL
  CROSS JOIN LATERAL (${rangeOf("o.created")}) r
  WHERE heard.at > r.read_at - ${clocksApart}
    AND heard.at > (SELECT min(read_at) FROM driftdesk.settled_ranges WHERE settled_id = $1) - ${clocksApart}`;

/**
 * Which ranges stand as they were read: young enough, hardly anything of them to be asked for by itself, and not among
 * those whose turn it is. The oldest have their turn, as many as the time since the last run is of `rereadEvery`: so
 * they are read again a few in each run, not all in one.
 */
async function leaveOut(tx: TransactionSql, stage: Stage, memoryId: number, now: Date): Promise<boolean> {
  const { runId, accountId, resource } = stage;
  const { settled } = resource;
  if (!settled) return false;
  const left = await tx.unsafe(
    `
    WITH doubts AS (
      SELECT created_from, count(DISTINCT stripe_id) AS count FROM (${heardOf}) heard GROUP BY created_from
    ), aged AS (
      SELECT r.*, r.read_at > $5 AND r.read_at <= $6 AS young,
             sum(r.objects) OVER (ORDER BY r.read_at, r.created_from) - r.objects AS older,
             sum(r.objects) OVER () * least(1, extract(epoch FROM $6::timestamptz - max(r.read_at) OVER ()) * 1000 / $7) AS turn
      FROM driftdesk.settled_ranges r WHERE r.settled_id = $1
    )
    INSERT INTO driftdesk.windows (run_id, resource, created_from, created_to, state, objects, read_at)
    SELECT $4, $3, a.created_from, a.created_to, 'done', a.objects - a.listed - a.apart, a.read_at
    FROM aged a
    LEFT JOIN doubts d USING (created_from)
    WHERE a.young AND a.older >= a.turn
      AND ${worthRemembering("a", "coalesce(d.count, 0)")}
      -- A backup may have come without them.
      AND a.objects = (SELECT count(*) FROM driftdesk.settled_objects o
                       WHERE o.settled_id = $1 AND o.created >= a.created_from AND o.created < a.created_to)`,
    [memoryId, accountId, resource.name, runId, oldest(now, settled), now, settled.rereadEveryMs],
  );
  return left.count > 0;
}

/** The open windows without what was left out; and in its place lists of what is not final there, where Stripe has them. */
async function cutWindows(tx: TransactionSql, { runId, resource }: Stage): Promise<void> {
  await tx`
    WITH whole AS (
      DELETE FROM driftdesk.windows WHERE run_id = ${runId} AND resource = ${resource.name} AND state = 'open'
      RETURNING created_from, created_to
    ), had AS (
      SELECT range_agg(int8range(created_from, created_to)) AS taken FROM driftdesk.windows
      WHERE run_id = ${runId} AND resource = ${resource.name} AND read_at IS NOT NULL
    ), open AS (
      SELECT rest AS span, NULL AS status
      FROM whole, had, unnest(int8multirange(int8range(whole.created_from, whole.created_to)) - had.taken) AS rest
      UNION ALL
      SELECT span, status FROM had, unnest(had.taken) AS span, unnest(${[...(listedStates[resource.stripe] ?? [])]}::text[]) AS status
    )
    INSERT INTO driftdesk.windows (run_id, resource, created_from, created_to, status)
    SELECT ${runId}, ${resource.name}, lower(span), upper(span), status FROM open ORDER BY span DESC`;
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
    WHERE o.settled_id = $1 AND o.fields IS NOT NULL
      AND w.run_id = $2 AND w.resource = $3 AND w.read_at IS NOT NULL`,
    [memoryId, runId, resource.name],
  );
}
