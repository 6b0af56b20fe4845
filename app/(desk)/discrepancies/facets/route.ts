import { answer } from "@/app/api/answer.ts";
import { getDesk } from "@/app/desk.ts";
import { requireActor } from "@/app/session.ts";
import { filterOf, loadListParams } from "@/components/discrepancies/search-params.ts";
import { countFacets } from "@/lib/discrepancies/facets.ts";

/** How many match per value of each filter. Asked for when somebody opens one, so that the list never waits for it. */
export function GET(request: Request): Promise<Response> {
  return answer(async () => {
    await requireActor("view");
    const desk = await getDesk();
    return Response.json(await countFacets(desk.sql, filterOf(loadListParams(request)), desk.now()));
  });
}
