"use server";

import { getDesk } from "@/app/desk.ts";
import { refusal } from "@/app/refusal.ts";
import { requireActor } from "@/app/session.ts";
import { type AuditVerdict, verifyAudit } from "@/lib/audit/verify.ts";

export async function verifyAction(): Promise<
  { ok: true; verdict: AuditVerdict } | { ok: false; message: string }
> {
  try {
    await requireActor("view");
    return { ok: true, verdict: await verifyAudit((await getDesk()).sql) };
  } catch (error) {
    const { message } = await refusal(error, {
      logged: "the chain could not be verified",
      message: "The chain could not be verified now. The server's log says why.",
    });
    return { ok: false, message };
  }
}
