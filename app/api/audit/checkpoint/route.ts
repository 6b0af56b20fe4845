import { answer } from "@/app/api/answer.ts";
import { getDesk } from "@/app/desk.ts";
import { requireActor } from "@/app/session.ts";
import { checkpointText, signedCheckpoint } from "@/lib/audit/checkpoint.ts";
import { DriftdeskError } from "@/lib/errors.ts";

/** Where the history ends now, signed. It tells nothing of what is in it: whoever may look may keep it. */
export function GET(): Promise<Response> {
  return answer(async () => {
    await requireActor("view");
    const desk = await getDesk();
    const checkpoint = await signedCheckpoint(desk, desk.environment.auditSigningKey);
    if (!checkpoint)
      throw new DriftdeskError("key_missing", "There is no key to sign with: AUDIT_SIGNING_KEY is not set.", {
        status: 404,
      });
    return new Response(`${checkpointText(checkpoint)}\n`, {
      headers: {
        "content-type": "application/json; charset=utf-8",
        "content-disposition": `attachment; filename="driftdesk-checkpoint-${checkpoint.seq}.json"`,
        "cache-control": "no-store",
      },
    });
  });
}
