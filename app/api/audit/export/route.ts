import { z } from "zod";
import { answer } from "@/app/api/answer.ts";
import { requireCaller } from "@/app/api/caller.ts";
import { streamOf } from "@/app/api/stream.ts";
import { getDesk } from "@/app/desk.ts";
import { auditFilterOf, loadAuditParams } from "@/components/audit/search-params.ts";
import { exportAudit, exportFormats } from "@/lib/audit/export.ts";
import { whileAllowed } from "@/lib/auth/while-allowed.ts";
import { DriftdeskError } from "@/lib/errors.ts";

const formatSchema = z.enum(exportFormats);
const types = { csv: "text/csv; charset=utf-8", jsonl: "application/x-ndjson; charset=utf-8" };

/** The history that the page shows with the same parameters, as a file that streams. */
export function GET(request: Request): Promise<Response> {
  return answer(async () => {
    const { actor, stillAllowed } = await requireCaller(request, "audit:export");
    const format = formatSchema.safeParse(new URL(request.url).searchParams.get("format"));
    if (!format.success)
      throw new DriftdeskError("format_unknown", "Say which format: ?format=csv or ?format=jsonl.", {
        status: 400,
      });
    const filter = auditFilterOf(loadAuditParams(request));
    const desk = await getDesk();
    const pieces = await exportAudit(desk, { format: format.data, filter }, actor);
    const allowed = whileAllowed(pieces, stillAllowed);
    const day = desk.now().toISOString().slice(0, 10);
    return new Response(streamOf(allowed), {
      headers: {
        "content-type": types[format.data],
        "content-disposition": `attachment; filename="driftdesk-audit-${day}.${format.data}"`,
        "cache-control": "no-store",
      },
    });
  });
}
