import { answer } from "@/app/api/answer.ts";
import { requireCaller } from "@/app/api/caller.ts";
import { knownRun } from "@/app/api/runs/known-run.ts";
import { getDesk } from "@/app/desk.ts";
import { whileAllowed } from "@/lib/auth/while-allowed.ts";
import { followRun } from "@/lib/reconcile/follow.ts";

/** A run's progress as server-sent events, each with the whole run as JSON and its rate, until it ends. */
export function GET(request: Request, context: { params: Promise<{ id: string }> }): Promise<Response> {
  return answer(async () => {
    const { stillAllowed } = await requireCaller(request, "runs:read");
    const { id } = await knownRun(context.params);
    const ended = new AbortController();
    const signal = AbortSignal.any([request.signal, ended.signal]);
    const events = whileAllowed(followRun((await getDesk()).sql, id, { signal }), stillAllowed, { ended });
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
