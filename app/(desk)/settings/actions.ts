"use server";

import { revalidatePath } from "next/cache";
import { z } from "zod";
import { getDesk } from "@/app/desk.ts";
import { refusal } from "@/app/refusal.ts";
import { requireActor } from "@/app/session.ts";
import { sendTest } from "@/lib/alerts/list.ts";
import { requireSingleSignOn } from "@/lib/auth/single-sign-on.ts";
import { createToken, type NewToken, revokeToken } from "@/lib/auth/tokens.ts";
import {
  addUser,
  changeOwnPassword,
  deactivate,
  type NewUser,
  reactivate,
  setRole,
} from "@/lib/auth/users.ts";
import { checkConfig, type Finding } from "@/lib/config/check.ts";
import { channels, roles } from "@/lib/db/schema.ts";

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

export async function sendTestAlert(channel: string): Promise<Answer> {
  return answer(async () => {
    const actor = await requireActor("manage_users");
    await sendTest(await getDesk(), actor, z.enum(channels).parse(channel));
    return {};
  });
}

export async function reactivatePerson(email: string): Promise<Answer> {
  return answer(async () => {
    const actor = await requireActor("manage_users");
    await reactivate(await getDesk(), z.string().max(200).parse(email), actor);
    return {};
  });
}

const passwords = z.object({ current: z.string().max(1_000), next: z.string().max(1_000) });

/** Of whoever is signed in, whatever their role. */
export async function changePasswordAction(given: z.input<typeof passwords>): Promise<Answer> {
  return answer(async () => {
    const actor = await requireActor("view");
    await changeOwnPassword(await getDesk(), passwords.parse(given), actor);
    return {};
  });
}

export async function requireSingleSignOnAction(required: boolean): Promise<Answer> {
  return answer(async () => {
    const actor = await requireActor("manage_users");
    await requireSingleSignOn(await getDesk(), z.boolean().parse(required), actor);
    return {};
  });
}

const newToken = z.object({
  name: z.string().max(200),
  scopes: z.array(z.string().max(40)).max(20),
  expiresAt: z.string().max(40).optional(),
});

/** Answers the token, which nobody sees again. */
export async function createTokenAction(given: z.input<typeof newToken>): Promise<Answer<{ token: string }>> {
  return answer(async () => {
    const actor = await requireActor("manage_tokens");
    // The function checks each of these itself and says what is wrong with it.
    return createToken(await getDesk(), newToken.parse(given) as NewToken, actor);
  });
}

export async function revokeTokenAction(id: number): Promise<Answer> {
  return answer(async () => {
    const actor = await requireActor("manage_tokens");
    await revokeToken(await getDesk(), z.number().int().positive().parse(id), actor);
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
