import { z } from "zod";
import { getDesk } from "@/app/desk.ts";
import { DriftdeskError } from "@/lib/errors.ts";
import { getRun, type RunView } from "@/lib/reconcile/runs.ts";

const idSchema = z.coerce.number().int().positive();

/** The run that an address names, or `run_unknown`. */
export async function knownRun(params: Promise<{ id: string }>): Promise<RunView> {
  const { id } = await params;
  const parsed = idSchema.safeParse(id);
  const run = parsed.success ? await getRun((await getDesk()).sql, parsed.data) : null;
  if (run) return run;
  throw new DriftdeskError("run_unknown", "There is no such run.", { status: 404 });
}
