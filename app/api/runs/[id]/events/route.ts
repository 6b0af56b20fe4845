import { answer } from "@/app/api/answer.ts";
import { knownRun } from "@/app/api/runs/known-run.ts";
import { getDesk } from "@/app/desk.ts";
import { requireActor } from "@/app/session.ts";
import { followRun } from "@/lib/reconcile/follow.ts";

/** A run's progress as server-sent events, each with the whole run as JSON and its rate, until it ends. */
export function GET(request: Request, context: { params: Promise<{ id: string }> }): Promise<Response> {
  return answer(async () => {
    await requireActor("view");
    const { id } = await knownRun(context.params);
    const events = followRun((await getDesk()).sql, id, { signal: request.signal });
    const encoder = new TextEncoder();
    const stream = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { value, done } = await events.next();
        if (done) return controller.close();
        const event = value.ended ? "end" : "progress";
        controller.enqueue(
          encoder.encode(`event: ${event}\ndata: ${JSON.stringify({ ...value.run, rate: value.rate })}\n\n`),
        );
      },
      async cancel() {
        await events.return(undefined);
      },
    });
    return new Response(stream, {
      headers: {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-cache, no-transform",
        // nginx would otherwise collect the events until the run is over.
        "x-accel-buffering": "no",
      },
    });
  });
}
