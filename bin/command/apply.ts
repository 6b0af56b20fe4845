import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { findActor } from "../../lib/auth/users.ts";
import type { BulkAction } from "../../lib/db/schema.ts";
import { type Actor, type Desks, openDesk } from "../../lib/desk.ts";
import { DriftdeskError } from "../../lib/errors.ts";
import { amountsApart } from "../../lib/fixes/amounts-apart.ts";
import { requestBulk } from "../../lib/fixes/bulk.ts";
import { executeBulk } from "../../lib/fixes/execute.ts";
import { approveBulk } from "../../lib/fixes/second-person.ts";
import type { Selection } from "../../lib/fixes/selection.ts";
import { count, note, print } from "./print.ts";

export interface ApplyOptions {
  allOpen?: boolean;
  as: string;
  json?: boolean;
}

/**
 * Decides and applies, with one person's rights. 1 when not all of it could be applied, or waits for a second person. Amounts among
 * everything open that wait are an action of their own, and the rest does not wait for them.
 */
export async function apply(ids: string[], options: ApplyOptions): Promise<number> {
  if (ids.length > 0 === (options.allOpen === true))
    throw new DriftdeskError("selection_missing", "Name the ids to apply, or --all-open, and not both.");
  const desk = await openDesk();
  try {
    const actor = await personOf(desk, options.as);
    const selection: Selection = options.allOpen
      ? { filter: { state: "open" }, seenUntil: desk.now() }
      : await selectIds(desk, ids);
    const ask = (what: Selection) =>
      requestBulk(desk, { kind: "apply", selection: what, requestKey: randomUUID() }, actor);
    // What was asked for is not open any more: the rest is everything open but these.
    const apart = options.allOpen ? await amountsApart(desk, selection) : null;
    const waiting = apart && (await ask(apart));
    const requested = await ask(selection).catch((error) => {
      if (options.allOpen && error instanceof DriftdeskError && error.code === "nothing_selected")
        return null;
      throw error;
    });
    if (requested === null && waiting === null) {
      note("Nothing open can be applied.");
      if (options.json) await print(JSON.stringify(summary(null)));
      return 0;
    }
    return await tell(requested && (await finish(desk, requested)), waiting, options);
  } finally {
    await desk.close();
  }
}

/** Agrees to what somebody else asked for, and applies it. 1 when not all of it could be applied. */
export async function approve(given: string, options: Omit<ApplyOptions, "allOpen">): Promise<number> {
  const id = Number(given);
  if (!Number.isSafeInteger(id) || id < 1)
    throw new DriftdeskError("id_invalid", `"${given}" is not the number of a bulk action.`);
  const desk = await openDesk();
  try {
    const actor = await personOf(desk, options.as);
    return await tell(await finish(desk, await approveBulk(desk, id, actor)), null, options);
  } finally {
    await desk.close();
  }
}

/** Whose decision it is; throws `user_unknown`. */
export async function personOf(desk: Desks, email: string): Promise<Actor> {
  const actor = await findActor(desk, email);
  if (actor) return actor;
  throw new DriftdeskError(
    "user_unknown",
    `There is no active user ${email}. \`driftdesk users add\` adds one.`,
  );
}

/** Of what was carried out, and of what was asked for beside it and waits. */
async function tell(
  bulk: BulkAction | null,
  waiting: BulkAction | null,
  options: Pick<ApplyOptions, "json">,
): Promise<number> {
  const told = [bulk, waiting].filter((one) => one !== null);
  for (const one of told) note(inWords(one));
  if (options.json)
    await print(
      JSON.stringify({ ...summary(bulk ?? waiting), ...(bulk && waiting && { waiting: summary(waiting) }) }),
    );
  return told.every((one) => one.state === "done" && one.applied === one.total) ? 0 : 1;
}

/** Throws `id_invalid` when one cannot be the id of `what`. */
export function numbersOf(ids: readonly string[], what: string): number[] {
  const numbers = ids.map(Number);
  const odd = ids.find((_, i) => !Number.isSafeInteger(numbers[i]) || (numbers[i] as number) < 1);
  if (odd !== undefined) throw new DriftdeskError("id_invalid", `"${odd}" is not the id of a ${what}.`);
  return numbers;
}

async function selectIds(desk: Desks, ids: readonly string[]): Promise<Selection> {
  const numbers = numbersOf(ids, "discrepancy");
  const found = await desk.sql<{ id: number; version: number }[]>`
    SELECT id, version FROM driftdesk.discrepancies WHERE id = ANY(${numbers}::bigint[]) ORDER BY id`;
  const missing = numbers.filter((id) => !found.some((row) => row.id === id));
  if (missing.length > 0)
    throw new DriftdeskError("discrepancy_unknown", `There is no discrepancy ${missing.join(", ")}.`);
  return { ids: found.map(({ id, version }) => ({ id, version })) };
}

/** Carries an action out to its end, or until it waits for a second person. */
export async function finish(desk: Desks, requested: BulkAction): Promise<BulkAction> {
  let bulk = requested;
  // A worker that looks for left work may have taken it up in between: then this waits for its end.
  while (bulk.state === "running") {
    bulk = await executeBulk(desk, bulk.id);
    if (bulk.state === "running") await wait(200);
  }
  return bulk;
}

export function summary(bulk: BulkAction | null) {
  return {
    bulk: bulk?.id ?? null,
    state: bulk?.state ?? "done",
    total: bulk?.total ?? 0,
    applied: bulk?.applied ?? 0,
    stale: bulk?.stale ?? 0,
    failed: bulk?.failed ?? 0,
    skipped: bulk?.skipped ?? 0,
  };
}

export function inWords(bulk: BulkAction): string {
  const revert = bulk.kind === "revert";
  if (bulk.state === "waiting")
    return `Bulk ${bulk.id}: ${count(bulk.total - bulk.skipped, revert ? "fix to undo" : "fix", revert ? "fixes to undo" : "fixes")} ${bulk.total - bulk.skipped === 1 ? "waits" : "wait"} for a second person, on the desk or with \`driftdesk approve ${bulk.id} --as EMAIL\`.`;
  const parts = (["applied", "stale", "failed", "skipped"] as const)
    .filter((outcome) => outcome === "applied" || bulk[outcome] > 0)
    .map(
      (outcome) =>
        `${bulk[outcome].toLocaleString("en-US")} ${outcome === "applied" && revert ? "undone" : outcome}`,
    );
  const why =
    bulk.stale === 0
      ? ""
      : revert
        ? " Stale rows were changed by somebody after the correction; they were left alone."
        : " Stale rows were changed by somebody else meanwhile; they are open again.";
  return `Bulk ${bulk.id}: ${parts.join(", ")} of ${bulk.total.toLocaleString("en-US")}.${why}`;
}
