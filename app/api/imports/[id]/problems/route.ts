import { stringify } from "csv-stringify/sync";
import { z } from "zod";
import { answer } from "@/app/api/answer.ts";
import { streamOf } from "@/app/api/stream.ts";
import { getDesk } from "@/app/desk.ts";
import { requireActor } from "@/app/session.ts";
import type { Desk } from "@/lib/desk.ts";
import { DriftdeskError } from "@/lib/errors.ts";
import { getImport, problemsOf } from "@/lib/quick-fix/imports.ts";

/** The lines of an import that could not be read, and why, as CSV. */
export function GET(_request: Request, { params }: { params: Promise<{ id: string }> }): Promise<Response> {
  return answer(async () => {
    await requireActor();
    const { sql } = await getDesk();
    const id = z.coerce
      .number()
      .int()
      .positive()
      .safeParse((await params).id);
    if (!id.success || !(await getImport(sql, id.data)))
      throw new DriftdeskError("import_unknown", "There is no such import.", { status: 404 });
    return new Response(streamOf(pieces(sql, id.data)), {
      headers: {
        "content-type": "text/csv; charset=utf-8",
        "content-disposition": `attachment; filename="driftdesk-import-${id.data}-not-read.csv"`,
        "cache-control": "no-store",
      },
    });
  });
}

async function* pieces(sql: Desk["sql"], id: number): AsyncGenerator<string> {
  yield "line,why\n";
  for (let after: number | undefined = 0; after !== undefined; ) {
    const some: { line: number; problem: string }[] = await problemsOf(sql, id, { after, limit: 1_000 });
    if (some.length > 0)
      yield stringify(
        some.map(({ line, problem }) => [line, problem]),
        { escape_formulas: true },
      );
    after = some.at(-1)?.line;
  }
}
