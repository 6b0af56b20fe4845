// Stripe's side of a run: windows of `created` times, paged by as many loops as there are in all processes, each page
// staged in one transaction with its window's cursor. A window that turns out dense is cut while somebody is idle.
import type { Sql } from "postgres";
import type { StripeObject } from "../config/resource.ts";
import { DriftdeskError } from "../errors.ts";
import type { StripeReader } from "../stripe/reader.ts";
import { stageExpected } from "./expected.ts";
import { isUnreachable } from "./patience.ts";
import { projectObject } from "./project.ts";
import { type Company, Reading } from "./reading.ts";
import type { Stage } from "./staging.ts";
import { together } from "./together.ts";
import {
  addWindows,
  type Claimant,
  claimWindows,
  giveUpWindow,
  goOnWithoutCursor,
  passPage,
  releaseWindows,
  type Window,
} from "./windows.ts";

export interface FetchContext {
  sql: Sql;
  stripe: StripeReader;
  signal: AbortSignal;
  /** Windows paged at the same time. More than rate × latency, or the budget is not used up. */
  parallel: number;
  /** Whose windows these are, as `driftdesk.windows` has it. */
  holder: string;
  company: Company;
  /** When the account was made, Unix seconds. */
  began: number;
}

/**
 * Pages windows of a resource until all of them have been read, by this process or others. Windows that cannot be read
 * are marked, not thrown.
 */
export async function fetchResource(context: FetchContext, stage: Stage): Promise<void> {
  const { sql, holder, company, began, parallel: loops, signal } = context;
  const claimant = { stage, holder };
  const claim = (wanted: number) => claimWindows(sql, claimant, wanted);
  const reading = new Reading({ resource: stage.resource.name, claim, company, loops, began, signal });
  const loop = async (either: AbortSignal) => {
    try {
      await readWindows({ ...context, signal: either }, claimant, reading);
    } finally {
      // By an error, or because nothing is left: there is nothing more for the others either.
      reading.stop();
    }
  };
  try {
    await together(signal, Array<typeof loop>(loops).fill(loop));
  } finally {
    // After an error nobody here goes on with them, nor with what is being claimed at this moment. A holder that is gone
    // has let go already.
    await reading.stopped();
    await releaseWindows(sql, claimant).catch(() => {});
  }
}

async function readWindows(context: FetchContext, claimant: Claimant, reading: Reading): Promise<void> {
  for (let window = await reading.take(); window !== null; window = await reading.take()) {
    let pages = 0;
    try {
      for (let next: Window | null = window; next !== null; pages++)
        next = await readPage(context, claimant, next, reading);
    } catch (error) {
      // This window only: another process has it, or it is not there any more.
      if (!(error instanceof DriftdeskError) || error.code !== "run_superseded") throw error;
      context.signal.throwIfAborted();
    }
    reading.finished(pages);
  }
}

/** Reads and stages one page; answers the window as it stands then, or null when it is at its end. */
async function readPage(
  context: FetchContext,
  claimant: Claimant,
  window: Window,
  reading: Reading,
): Promise<Window | null> {
  context.signal.throwIfAborted();
  const { resource } = claimant.stage;
  let objects: StripeObject[];
  let hasMore: boolean;
  try {
    ({ data: objects, hasMore } = await context.stripe.list(resource.stripe, {
      createdFrom: window.createdFrom,
      createdTo: window.createdTo,
      startingAfter: window.cursor ?? undefined,
      status: window.status ?? undefined,
      expand: resource.expand,
    }));
  } catch (error) {
    if (!(error instanceof DriftdeskError)) throw error;
    if (error.code === "stripe_cursor_gone")
      return context.sql.begin((tx) => goOnWithoutCursor(tx, claimant, window)) as Promise<Window>;
    // A later run may get over it: the window is left out of this one, which ends as incomplete.
    if (!isUnreachable(error)) throw error;
    await giveUpWindow(context.sql, claimant, window, error.message);
    return null;
  }
  context.signal.throwIfAborted();
  reading.readPage();
  const shared = hasMore ? reading.share(window, objects, context.stripe.crowded(resource.stripe)) : null;
  const last = objects.at(-1);
  const createdFrom = shared?.createdFrom ?? window.createdFrom;
  const projected = objects.map((object) => projectObject(resource, claimant.stage.table, object));
  const mine = (await context.sql.begin(async (tx) => {
    // First: its lock keeps others from the window meanwhile.
    await passPage(tx, claimant, window, { objects: objects.length, last, hasMore, createdFrom });
    await stageExpected(tx, claimant.stage, projected);
    if (!shared) return [];
    return addWindows(tx, claimant, { ranges: shared.given, mine: shared.mine, status: window.status });
  })) as Window[];
  if (shared) reading.shared(shared.given, mine);
  if (!hasMore) return null;
  return {
    ...window,
    createdFrom,
    cursor: last?.id ?? window.cursor,
    reached: last?.created ?? window.reached,
  };
}
