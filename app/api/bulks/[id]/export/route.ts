import { z } from "zod";
import { answer } from "@/app/api/answer.ts";
import { requireCaller } from "@/app/api/caller.ts";
import { streamOf } from "@/app/api/stream.ts";
import { getDesk } from "@/app/desk.ts";
import { whileAllowed } from "@/lib/auth/while-allowed.ts";
import { exportBulk } from "@/lib/fixes/bulk-export.ts";
import { resultOutcomes } from "@/lib/fixes/bulk-results.ts";

const outcomeSchema = z.enum(resultOutcomes).optional().catch(undefined);

/** What came of each row of an action, as a file that streams. */
export function GET(request: Request, context: { params: Promise<{ id: string }> }): Promise<Response> {
  return answer(async () => {
    const { actor, stillAllowed } = await requireCaller(request, "audit:export");
    const bulkId = z.coerce
      .number()
      .int()
      .positive()
      .catch(0)
      .parse((await context.params).id);
    const outcome = outcomeSchema.parse(new URL(request.url).searchParams.get("outcome") ?? undefined);
    const pieces = await exportBulk(await getDesk(), { bulkId, outcome }, actor);
    return new Response(streamOf(whileAllowed(pieces, stillAllowed)), {
      headers: {
        "content-type": "text/csv; charset=utf-8",
        "content-disposition": `attachment; filename="driftdesk-bulk-${bulkId}.csv"`,
        "cache-control": "no-store",
      },
    });
  });
}
