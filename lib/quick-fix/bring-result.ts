import { appendAudit } from "../audit/append.ts";
import { authorise } from "../auth/permissions.ts";
import type { Import } from "../db/schema.ts";
import type { Actor, Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { getImport } from "./imports.ts";
import { readResult } from "./script-result.ts";

/** How a script of an import is called, so that its result finds the import again. */
export const scriptOf = (importId: Import["id"], unique: string): string => `import-${importId}-${unique}`;
const importIn = /^import-(\d+)-/;

export interface BroughtResult {
  importId: Import["id"];
  /** Rows that the script says it has written. */
  written: number;
  /** Whether somebody brought it before. */
  already: boolean;
}

/**
 * Writes into the history that a script was run, by what psql printed. The rows themselves are for the run to look at. Throws
 * `result_unreadable` where no result is in the text, and `result_unknown` for one of a script that this desk did not make.
 */
export async function bringResult(
  desk: Pick<Desk, "sql" | "now">,
  text: string,
  actor: Actor,
): Promise<BroughtResult> {
  authorise(actor, "import");
  const lines = readResult(text);
  const [first] = lines;
  if (!first)
    throw new DriftdeskError(
      "result_unreadable",
      "This is not what a script prints when it was run to its end. When it stopped with an error, nothing was written.",
      { status: 400 },
    );
  const importId = Number(importIn.exec(first.script)?.[1]);
  const found = Number.isSafeInteger(importId) ? await getImport(desk.sql, importId) : null;
  if (!found || lines.some(({ script }) => script !== first.script))
    throw new DriftdeskError(
      "result_unknown",
      "This is the result of a script that was not made by this desk, or of several. Only scripts made with --as are known to it; the next run sees what the others have written.",
      { status: 400 },
    );
  const written = lines.reduce((sum, { rows }) => sum + rows, 0);
  return desk.sql.begin(async (tx) => {
    await tx`SELECT FROM driftdesk.imports WHERE id = ${importId} FOR UPDATE`;
    const [before] = await tx`
      SELECT FROM driftdesk.audit_entries WHERE action = 'script.result' AND data ->> 'script' = ${first.script} LIMIT 1`;
    if (before) return { importId, written, already: true };
    await appendAudit(
      tx,
      [
        {
          actor: actor.email,
          action: "script.result",
          subject: found.fileName ?? "a pasted list",
          data: { script: first.script, applied: written, import: { id: importId, file: found.fileName } },
        },
      ],
      desk.now(),
    );
    return { importId, written, already: false };
  });
}
