"use server";

import { revalidatePath } from "next/cache";
import { z } from "zod";
import { getDesk } from "@/app/desk.ts";
import { refusal } from "@/app/refusal.ts";
import { requireActor } from "@/app/session.ts";
import { underWayStates } from "@/lib/db/schema.ts";
import { enqueueRun } from "@/lib/jobs/enqueue.ts";
import { correctExportTime, getImport } from "@/lib/quick-fix/imports.ts";
import { startImportRun } from "@/lib/quick-fix/start.ts";
import { getRun } from "@/lib/reconcile/runs.ts";

type Answer = { ok: true } | { ok: false; message: string };

const id = z.number().int().positive();

/** Compares what was brought with the records; `verify` asks Stripe about what it names. A run under way is enough. */
export async function compareImportAction(importId: number, verify: boolean): Promise<Answer> {
  return answer(async () => {
    const actor = await requireActor("run");
    const desk = await getDesk();
    const before = await getImport(desk.sql, id.parse(importId));
    const run = before?.runId ? await getRun(desk.sql, before.runId) : null;
    if (run && underWayStates.includes(run.state)) return;
    const runId = await startImportRun(desk, { importId, actor, verify: z.boolean().parse(verify) });
    await enqueueRun(desk, runId);
  });
}

export async function correctExportTimeAction(importId: number, at: string): Promise<Answer> {
  return answer(async () => {
    const actor = await requireActor("import");
    const exportedAt = new Date(z.iso.datetime().parse(at));
    await correctExportTime(await getDesk(), { importId: id.parse(importId), exportedAt }, actor);
  });
}

async function answer(work: () => Promise<void>): Promise<Answer> {
  try {
    await work();
    revalidatePath("/", "layout");
    return { ok: true };
  } catch (error) {
    const { message } = await refusal(error, { logged: "an action on an import failed" });
    return { ok: false, message };
  }
}
