"use server";

import { getDesk } from "@/app/desk.ts";
import { requireActor } from "@/app/session.ts";
import { type AuditVerdict, verifyAudit } from "@/lib/audit/verify.ts";
import { DriftdeskError } from "@/lib/errors.ts";

export async function verifyAction(): Promise<
  { ok: true; verdict: AuditVerdict } | { ok: false; message: string }
> {
  try {
    await requireActor("view");
    return { ok: true, verdict: await verifyAudit((await getDesk()).sql) };
  } catch (error) {
    if (error instanceof DriftdeskError && error.status < 500) return { ok: false, message: error.message };
    (await getDesk()).log.error(error, "the chain could not be verified");
    return { ok: false, message: "The chain could not be verified now. The server's log says why." };
  }
}
