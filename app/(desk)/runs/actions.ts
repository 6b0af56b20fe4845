"use server";

import { revalidatePath } from "next/cache";
import { z } from "zod";
import { getDesk } from "@/app/desk.ts";
import { refusal } from "@/app/refusal.ts";
import { requireActor } from "@/app/session.ts";
import { enqueueRun } from "@/lib/jobs/enqueue.ts";
import { cancelRun, requestRuns } from "@/lib/reconcile/runs.ts";

type Answer<T> = ({ ok: true } & T) | { ok: false; message: string };

/** Asks for a full run of an account, or of each; answers those under way where there are some. */
export async function runNow(
  account?: string,
): Promise<Answer<{ runIds: number[]; alreadyRunning: boolean }>> {
  return answer(async () => {
    const actor = await requireActor("run");
    const desk = await getDesk();
    const requested = await requestRuns(desk, {
      mode: "full",
      trigger: "person",
      actor,
      account: z.string().max(100).optional().parse(account),
    });
    const started = requested.filter((one) => !one.alreadyRunning);
    for (const { run } of started) await enqueueRun(desk, run.id);
    return { runIds: requested.map((one) => one.run.id), alreadyRunning: started.length === 0 };
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
