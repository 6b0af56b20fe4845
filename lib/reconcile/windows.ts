// The windows of a resource as they stand in the database, where any number of processes claims them. A claim is worth
// as much as its holder's presence, and is looked at in the transaction that stages a page: a process that slept while
// another took its window over changes nothing when it wakes.
import type { Sql, TransactionSql } from "postgres";
import { DriftdeskError } from "../errors.ts";
import type { Range } from "./split.ts";
import type { Stage } from "./staging.ts";

export interface Window extends Range {
  number: number;
  /** Id of the object after which the next page begins. */
  cursor: string | null;
  /** When that object was created. */
  reached: number | null;
  /** Only objects of this status. */
  status: string | null;
}

/** Whose claims, on which resource. */
export interface Claimant {
  stage: Stage;
  holder: string;
}

const columns = (sql: Sql | TransactionSql) => sql`
  windows.number, created_from AS "createdFrom", created_to AS "createdTo", cursor, reached, status`;

/** A resource's whole life as one window, up to now. What is created later belongs to the next run. */
export async function planWindows(tx: TransactionSql, stage: Stage, now: Date): Promise<void> {
  const { runId, resource } = stage;
  await tx`
    INSERT INTO driftdesk.windows (run_id, resource, created_from, created_to)
    VALUES (${runId}, ${resource.name}, 0, ${Math.floor(now.getTime() / 1000) + 1})`;
}

/**
 * Takes up to so many windows that nobody has. `open`: how many are not read to their end yet, whoever has them; when
 * there are none, there never will be.
 */
export async function claimWindows(
  sql: Sql,
  { stage, holder }: Claimant,
  wanted: number,
): Promise<{ windows: Window[]; open: number }> {
  const { runId, resource } = stage;
  const [found] = await sql<{ windows: Window[] | null; open: number }[]>`
    WITH free AS (
      SELECT number FROM driftdesk.windows w
      WHERE run_id = ${runId} AND resource = ${resource.name} AND state = 'open'
        AND NOT EXISTS (
          SELECT FROM driftdesk.run_processes p
          WHERE p.run_id = w.run_id AND p.holder = w.claimed_by AND p.expires_at > clock_timestamp())
      ORDER BY number LIMIT ${wanted}
      FOR UPDATE SKIP LOCKED
    ), claimed AS (
      UPDATE driftdesk.windows SET claimed_by = ${holder}
      FROM free
      WHERE run_id = ${runId} AND resource = ${resource.name} AND windows.number = free.number
      RETURNING ${columns(sql)}
    )
    SELECT (SELECT jsonb_agg(to_jsonb(claimed) ORDER BY number) FROM claimed) AS windows,
           (SELECT count(*)::int FROM driftdesk.windows
            WHERE run_id = ${runId} AND resource = ${resource.name} AND state = 'open') AS open`;
  return { windows: found?.windows ?? [], open: found?.open ?? 0 };
}

/** Lets go of whatever is still claimed. */
export async function releaseWindows(sql: Sql, { stage, holder }: Claimant): Promise<void> {
  await sql`
    UPDATE driftdesk.windows SET claimed_by = NULL
    WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name} AND claimed_by = ${holder}`;
}

/** What could not be read before may be read now. */
export async function reopenWindows(tx: TransactionSql, stage: Stage): Promise<void> {
  await tx`
    UPDATE driftdesk.windows SET state = 'open', message = NULL, claimed_by = NULL
    WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name} AND state = 'unreadable'`;
}

export interface Progress {
  objects: number;
  /** The oldest object of the page. */
  last: { id: string; created: number } | undefined;
  hasMore: boolean;
  /** Where the window begins from now on. */
  createdFrom: number;
}

/** Moves a window's cursor past a page. Throws `run_superseded` when the window is not this process's any more. */
export async function passPage(
  tx: TransactionSql,
  { stage, holder }: Claimant,
  window: Window,
  page: Progress,
): Promise<void> {
  // The old cursor in the condition: whatever goes wrong elsewhere, no page is staged twice.
  const moved = await tx`
    UPDATE driftdesk.windows
    SET cursor = ${page.last?.id ?? window.cursor}, reached = ${page.last?.created ?? window.reached},
        objects = objects + ${page.objects}, pages = pages + 1, state = ${page.hasMore ? "open" : "done"},
        created_from = ${page.createdFrom}
    WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name} AND number = ${window.number}
      AND claimed_by = ${holder} AND state = 'open' AND cursor IS NOT DISTINCT FROM ${window.cursor}
    RETURNING number`;
  if (moved.length !== 1) throw superseded();
}

/** Makes windows of what was cut off: the first so many for this process, the others for whoever comes first. */
export async function addWindows(
  tx: TransactionSql,
  { stage, holder }: Claimant,
  { ranges, mine, status }: { ranges: readonly Range[]; mine: number; status: string | null },
): Promise<Window[]> {
  const rows = ranges.map((range, i) => ({
    run_id: stage.runId,
    resource: stage.resource.name,
    created_from: range.createdFrom,
    created_to: range.createdTo,
    claimed_by: i < mine ? holder : null,
    status,
  }));
  const added = await tx<(Window & { claimed: boolean })[]>`
    INSERT INTO driftdesk.windows ${tx(rows)} RETURNING ${columns(tx)}, claimed_by IS NOT NULL AS claimed`;
  return added.filter((window) => window.claimed);
}

/**
 * The object that the cursor named was deleted: the second in which it was created is read again, and what is older.
 * Answers the window for that.
 */
export async function goOnWithoutCursor(
  tx: TransactionSql,
  claimant: Claimant,
  window: Window,
): Promise<Window> {
  const { stage, holder } = claimant;
  const from = window.reached ?? window.createdTo - 1;
  const done = await tx`
    UPDATE driftdesk.windows SET state = 'done', created_from = ${from + 1}
    WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name} AND number = ${window.number}
      AND claimed_by = ${holder} AND state = 'open' AND cursor IS NOT DISTINCT FROM ${window.cursor}
    RETURNING number`;
  if (done.length !== 1) throw superseded();
  // A list of one status stands among others: what goes with that second and is not listed again is asked for.
  const again = await tx.unsafe(
    `DELETE FROM ${stage.expected} WHERE created BETWEEN $1 AND $2 AND NOT remembered`,
    [window.status === null ? window.createdFrom : from, from],
  );
  await tx`
    UPDATE driftdesk.windows SET objects = objects - ${again.count}
    WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name} AND number = ${window.number}`;
  const ranges = [{ createdFrom: window.createdFrom, createdTo: from + 1 }];
  const [next] = await addWindows(tx, claimant, { ranges, mine: 1, status: window.status });
  return next as Window;
}

/** Leaves a window out of this run, which ends as incomplete. */
export async function giveUpWindow(
  sql: Sql,
  { stage, holder }: Claimant,
  window: Window,
  message: string,
): Promise<void> {
  await sql`
    UPDATE driftdesk.windows SET state = 'unreadable', message = ${message}
    WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name} AND number = ${window.number}
      AND claimed_by = ${holder} AND state = 'open'`;
}

const superseded = () =>
  new DriftdeskError("run_superseded", "Another process reads this part by now, or it has to be read anew.");
