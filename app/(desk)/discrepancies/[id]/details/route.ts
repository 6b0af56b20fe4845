import { answer } from "@/app/api/answer.ts";
import { getDesk } from "@/app/desk.ts";
import { requireActor } from "@/app/session.ts";
import { filterOf, loadListParams, sortOf } from "@/components/discrepancies/search-params.ts";
import { discrepancyDetails } from "@/lib/discrepancies/details.ts";

/** What the panel shows beyond the row that is in the list already. */
export function GET(request: Request, context: { params: Promise<{ id: string }> }): Promise<Response> {
  return answer(async () => {
    const reader = await requireActor("view");
    const desk = await getDesk();
    const params = loadListParams(request);
    const { id } = await context.params;
    return Response.json(
      await discrepancyDetails(desk, {
        id: Number(id),
        filter: filterOf(params),
        sort: sortOf(params),
        reader,
      }),
    );
  });
}
