"use server";

import { revalidatePath } from "next/cache";
import { z } from "zod";
import { getDesk } from "@/app/desk.ts";
import { refusal } from "@/app/refusal.ts";
import { requireActor } from "@/app/session.ts";
import { enqueueRun } from "@/lib/jobs/enqueue.ts";
import { cancelRun, requestRun } from "@/lib/reconcile/runs.ts";

type Answer<T> = ({ ok: true } & T) | { ok: false; message: string };

/** Asks for a full run of everything; answers the one under way when there is one. */
export async function runNow(): Promise<Answer<{ runId: number; alreadyRunning: boolean }>> {
  return answer(async () => {
    const actor = await requireActor("run");
    const desk = await getDesk();
    const { run, alreadyRunning } = await requestRun(desk, { mode: "full", trigger: "person", actor });
    if (!alreadyRunning) await enqueueRun(desk, run.id);
    return { runId: run.id, alreadyRunning };
  });
}

export async function stopRun(id: number): Promise<Answer<object>> {
  return answer(async () => {
    const actor = await requireActor("run");
    await cancelRun(await getDesk(), z.number().int().positive().parse(id), actor);
    return {};
  });
}

async function answer<T extends object>(work: () => Promise<T>): Promise<Answer<T>> {
  try {
    const result = await work();
    revalidatePath("/", "layout");
    return { ok: true, ...result };
  } catch (error) {
    const { message } = await refusal(error, { logged: "an action on runs failed" });
    return { ok: false, message };
  }
}
