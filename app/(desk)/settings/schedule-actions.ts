"use server";

import { revalidatePath } from "next/cache";
import { z } from "zod";
import { getDesk } from "@/app/desk.ts";
import { refusal } from "@/app/refusal.ts";
import { requireActor } from "@/app/session.ts";
import {
  addSchedule,
  changeSchedule,
  pauseSchedule,
  removeSchedule,
  resetSchedule,
  resumeSchedule,
  runSchedule,
  type TimingInput,
} from "@/lib/jobs/change-schedule.ts";
import { enqueueRun } from "@/lib/jobs/enqueue.ts";

type Answer<T = object> = ({ ok: true } & T) | { ok: false; message: string };

const timing = z.object({
  cron: z.string().max(200),
  mode: z.string().max(20),
  timeZone: z.string().max(100),
});
const added = timing.extend({ account: z.string().max(100).nullable() });
const id = z.number().int().positive();

// What is wrong with a time is for the functions to say, in words.
export async function addScheduleAction(given: z.input<typeof added>): Promise<Answer> {
  return answer(async () => {
    const actor = await requireActor("manage_schedules");
    const { account, ...when } = added.parse(given);
    await addSchedule(await getDesk(), { ...(when as TimingInput), account }, actor);
    return {};
  });
}

export async function changeScheduleAction(of: number, given: z.input<typeof timing>): Promise<Answer> {
  return answer(async () => {
    const actor = await requireActor("manage_schedules");
    await changeSchedule(await getDesk(), id.parse(of), timing.parse(given) as TimingInput, actor);
    return {};
  });
}

export async function resetScheduleAction(of: number): Promise<Answer> {
  return answer(async () => {
    const actor = await requireActor("manage_schedules");
    await resetSchedule(await getDesk(), id.parse(of), actor);
    return {};
  });
}

export async function pauseScheduleAction(of: number): Promise<Answer> {
  return answer(async () => {
    const actor = await requireActor("manage_schedules");
    await pauseSchedule(await getDesk(), id.parse(of), actor);
    return {};
  });
}

export async function resumeScheduleAction(of: number): Promise<Answer> {
  return answer(async () => {
    const actor = await requireActor("manage_schedules");
    await resumeSchedule(await getDesk(), id.parse(of), actor);
    return {};
  });
}

export async function removeScheduleAction(of: number): Promise<Answer> {
  return answer(async () => {
    const actor = await requireActor("manage_schedules");
    await removeSchedule(await getDesk(), id.parse(of), actor);
    return {};
  });
}

export async function runScheduleAction(
  of: number,
): Promise<Answer<{ runId: number; alreadyRunning: boolean }>> {
  return answer(async () => {
    const actor = await requireActor("run");
    const desk = await getDesk();
    const { run, alreadyRunning } = await runSchedule(desk, id.parse(of), actor);
    if (!alreadyRunning) await enqueueRun(desk, run.id);
    return { runId: run.id, alreadyRunning };
  });
}

async function answer<T extends object>(work: () => Promise<T>): Promise<Answer<T>> {
  try {
    const result = await work();
    revalidatePath("/", "layout");
    return { ok: true, ...result };
  } catch (error) {
    const { message } = await refusal(error, { logged: "an action on schedules failed" });
    return { ok: false, message };
  }
}
