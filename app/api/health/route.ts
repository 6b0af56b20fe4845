import { getDesk } from "@/app/desk.ts";
import { within } from "@/lib/deadline.ts";
import { readiness, readyWithinMs, unready } from "@/lib/health/readiness.ts";

/** Whether this process is fit for requests, for load balancers: 200, or 503 with the reasons. Anybody may ask. */
export async function GET(): Promise<Response> {
  const state = await within(2 * readyWithinMs, getDesk().then(readiness), () => new Error("late")).catch(
    () => unready,
  );
  return Response.json(state, { status: state.ok ? 200 : 503, headers: { "cache-control": "no-store" } });
}
