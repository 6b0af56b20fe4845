import { answer } from "@/app/api/answer.ts";
import { requireFrequentCaller } from "@/app/api/caller.ts";
import { getDesk } from "@/app/desk.ts";
import { deskAbout } from "@/lib/accounts/known.ts";
import { cacheHeaders } from "@/lib/status/headers.ts";
import { admitCaller } from "@/lib/status/limit.ts";
import { lookUpStatus } from "@/lib/status/lookup.ts";

/**
 * What Stripe says of a local key, a customer (`cus_…`) or an address: from a cache, from Stripe, or, when that does not answer in time,
 * what was last known. Of several accounts the one in `?account=`.
 */
export function GET(request: Request, context: { params: Promise<{ key: string }> }): Promise<Response> {
  return answer(async () => {
    const actor = await requireFrequentCaller(request, "status:read");
    const desks = await getDesk();
    const limited = await admitCaller(desks, actor);
    if (limited) return limited;
    const desk = deskAbout(desks, new URL(request.url).searchParams.get("account") ?? undefined);
    const looked = await lookUpStatus(desk, (await context.params).key);
    return Response.json(looked.answer, { headers: cacheHeaders(looked) });
  });
}
