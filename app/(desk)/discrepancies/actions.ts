"use server";

import { refresh } from "next/cache";
import { z } from "zod";
import { getDesk } from "@/app/desk.ts";
import { refusal } from "@/app/refusal.ts";
import { requireActor } from "@/app/session.ts";
import type { Answer, BulkReport, DecisionRequest } from "@/components/discrepancies/contract.ts";
import type { BulkAction } from "@/lib/db/schema.ts";
import type { OpenDesk } from "@/lib/desk.ts";
import { DriftdeskError } from "@/lib/errors.ts";
import { type BulkRequest, bulkProblems, cancelBulk, getBulk, requestBulk } from "@/lib/fixes/bulk.ts";
import { executeBulk } from "@/lib/fixes/execute.ts";
import { type Preview, previewFixes } from "@/lib/fixes/preview.ts";
import { type RevertRequest, requestRevert, type UndoneSelection, undoneSchema } from "@/lib/fixes/revert.ts";
import { previewRevert, type RevertPreview } from "@/lib/fixes/revert-preview.ts";
import { approveBulk } from "@/lib/fixes/second-person.ts";
import { type Selection, selectionSchema } from "@/lib/fixes/selection.ts";
import { enqueueBulk } from "@/lib/jobs/enqueue.ts";
import { type Checked, checkAgain } from "@/lib/reconcile/check-again.ts";

const idSchema = z.number().int().positive();
const reasonSchema = z.string().max(2_000).optional();

/** Up to this many rows are worked off while the person waits; more of them in the background, with progress. */
const atOnce = 200;

export async function previewAction(selection: Selection): Promise<Answer<Preview>> {
  return answer(async (desk) => {
    await requireActor("decide");
    return previewFixes(desk, selectionSchema.parse(selection));
  });
}

export async function decideAction(request: DecisionRequest): Promise<Answer<BulkReport>> {
  return answer(async (desk) => {
    const actor = await requireActor("decide");
    return carryOut(desk, await requestBulk(desk, request as BulkRequest, actor));
  }, true);
}

export async function previewRevertAction(undo: UndoneSelection): Promise<Answer<RevertPreview>> {
  return answer(async (desk) => {
    await requireActor("decide");
    return previewRevert(desk, undoneSchema.parse(undo));
  });
}

export async function revertAction(request: RevertRequest): Promise<Answer<BulkReport>> {
  return answer(async (desk) => {
    const actor = await requireActor("decide");
    return carryOut(desk, await requestRevert(desk, request, actor));
  }, true);
}

export async function approveAction(bulkId: number): Promise<Answer<BulkReport>> {
  return answer(async (desk) => {
    const actor = await requireActor("decide");
    return carryOut(desk, await approveBulk(desk, idSchema.parse(bulkId), actor));
  }, true);
}

/** Stops an action, or takes it back, or, as a second person, declines it with a reason. */
export async function declineAction(bulkId: number, reason?: string): Promise<Answer<BulkReport>> {
  return answer(async (desk) => {
    const actor = await requireActor("decide");
    const given = { reason: reasonSchema.parse(reason) };
    return report(desk, await cancelBulk(desk, idSchema.parse(bulkId), actor, given));
  }, true);
}

/** How far an action in the background has come. */
export async function followAction(bulkId: number): Promise<Answer<BulkReport>> {
  return answer(async (desk) => {
    await requireActor("view");
    const bulk = await getBulk(desk.sql, idSchema.parse(bulkId));
    if (!bulk) throw new DriftdeskError("bulk_unknown", `There is no action ${bulkId}.`, { status: 404 });
    return report(desk, bulk);
  });
}

/** Looks at a difference again, while the person waits. */
export async function checkAction(discrepancyId: number): Promise<Answer<Checked>> {
  return answer(async (desk) => {
    const actor = await requireActor("run");
    return checkAgain(desk, idSchema.parse(discrepancyId), actor);
  }, true);
}

async function carryOut(desk: OpenDesk, bulk: BulkAction): Promise<BulkReport> {
  if (bulk.state !== "running") return report(desk, bulk);
  if (bulk.total <= atOnce) return report(desk, await executeBulk(desk, bulk.id));
  await enqueueBulk(desk, bulk.id);
  return report(desk, bulk);
}

const report = async (desk: OpenDesk, bulk: BulkAction): Promise<BulkReport> => ({
  bulk,
  problems: bulk.state === "running" ? [] : [...(await bulkProblems(desk.sql, bulk.id))],
});

/** A person's mistakes and other people's haste are answers, not crashes; anything else is logged and said plainly. */
async function answer<T>(work: (desk: OpenDesk) => Promise<T>, changes = false): Promise<Answer<T>> {
  try {
    const value = await work(await getDesk());
    if (changes) refresh();
    return { ok: true, value };
  } catch (error) {
    if (error instanceof z.ZodError)
      return {
        ok: false,
        code: "request_invalid",
        message: "This request makes no sense here. Reload the page.",
      };
    const why = await refusal(error, {
      logged: "a decision failed",
      message:
        "Something went wrong here, and nothing was decided twice. Try again; the server's log says what it was.",
    });
    return { ok: false, ...why };
  }
}
