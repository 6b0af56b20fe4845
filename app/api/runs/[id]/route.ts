import { answer } from "@/app/api/answer.ts";
import { requireCaller } from "@/app/api/caller.ts";
import { knownRun } from "@/app/api/runs/known-run.ts";

export function GET(request: Request, context: { params: Promise<{ id: string }> }): Promise<Response> {
  return answer(async () => {
    await requireCaller(request, "runs:read");
    return Response.json(await knownRun(context.params));
  });
}
