import { answer } from "@/app/api/answer.ts";
import { knownRun } from "@/app/api/runs/known-run.ts";
import { requireActor } from "@/app/session.ts";

export function GET(_request: Request, context: { params: Promise<{ id: string }> }): Promise<Response> {
  return answer(async () => {
    await requireActor("view");
    return Response.json(await knownRun(context.params));
  });
}
