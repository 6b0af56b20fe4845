"use server";

import { revalidatePath } from "next/cache";
import { z } from "zod";
import { getDesk } from "@/app/desk.ts";
import { refusal } from "@/app/refusal.ts";
import { requireActor } from "@/app/session.ts";
import { sendTest } from "@/lib/alerts/list.ts";
import { addUser, deactivate, type NewUser, setRole } from "@/lib/auth/users.ts";
import { checkConfig, type Finding } from "@/lib/config/check.ts";
import { roles } from "@/lib/db/schema.ts";

type Answer<T = object> = ({ ok: true } & T) | { ok: false; message: string };

/** Asks both sides; those who may start a run may ask for this too. */
export async function checkNow(): Promise<Answer<{ findings: Finding[] }>> {
  return answer(async () => {
    await requireActor("run");
    return { findings: await checkConfig(await getDesk()) };
  });
}

const newPerson = z.object({
  email: z.string().max(200),
  name: z.string().max(200),
  role: z.string().max(20),
  password: z.string().max(1_000),
});

export async function addPerson(given: z.input<typeof newPerson>): Promise<Answer> {
  return answer(async () => {
    const actor = await requireActor("manage_users");
    const { email, name, role, password } = newPerson.parse(given);
    const person = { email, role, name: name.trim() || undefined, password: password || undefined };
    // The function checks each of these itself and says what is wrong with it.
    await addUser(await getDesk(), person as NewUser, actor);
    return {};
  });
}

export async function changeRole(email: string, role: string): Promise<Answer> {
  return answer(async () => {
    const actor = await requireActor("manage_users");
    const given = z.object({ email: z.string().max(200), role: z.enum(roles) }).parse({ email, role });
    await setRole(await getDesk(), given.email, given.role, actor);
    return {};
  });
}

export async function deactivatePerson(email: string): Promise<Answer> {
  return answer(async () => {
    const actor = await requireActor("manage_users");
    await deactivate(await getDesk(), z.string().max(200).parse(email), actor);
    return {};
  });
}

export async function sendTestAlert(): Promise<Answer> {
  return answer(async () => {
    await sendTest(await getDesk(), await requireActor("manage_users"));
    return {};
  });
}

async function answer<T extends object>(work: () => Promise<T>): Promise<Answer<T>> {
  try {
    const result = await work();
    revalidatePath("/settings");
    return { ok: true, ...result };
  } catch (error) {
    const { message } = await refusal(error, { logged: "an action on settings failed" });
    return { ok: false, message };
  }
}
