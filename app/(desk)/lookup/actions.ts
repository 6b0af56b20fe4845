"use server";

import { revalidatePath } from "next/cache";
import { z } from "zod";
import { getDesk } from "@/app/desk.ts";
import { refusal } from "@/app/refusal.ts";
import { requireActor } from "@/app/session.ts";
import { deskAbout } from "@/lib/accounts/known.ts";
import { enqueueRun } from "@/lib/jobs/enqueue.ts";
import { requestRun } from "@/lib/reconcile/runs.ts";

const asked = z.strictObject({
  account: z.string().max(100).nullable(),
  resource: z.string().max(200),
  keys: z.array(z.string().max(300)).min(1).max(10),
});

/** Has records checked by a run, which writes down what differs. */
export async function checkRecordAction(
  given: z.input<typeof asked>,
): Promise<{ ok: true; run: number } | { ok: false; message: string }> {
  try {
    const actor = await requireActor("run");
    const { account, resource, keys } = asked.parse(given);
    const desks = await getDesk();
    const { run } = await requestRun(deskAbout(desks, account ?? undefined), {
      mode: "targeted",
      targets: { resource, keys },
      trigger: "person",
      actor,
    });
    await enqueueRun(desks, run.id);
    revalidatePath("/", "layout");
    return { ok: true, run: run.id };
  } catch (error) {
    const { message } = await refusal(error, { logged: "a record could not be checked" });
    return { ok: false, message };
  }
}
