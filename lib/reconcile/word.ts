// Whose word a run goes by: Stripe's, or that of a file that somebody exported there, which was true when it was made.
import type { Sql } from "postgres";
import type { Import, Run } from "../db/schema.ts";
import { DriftdeskError } from "../errors.ts";

/** A file whose word a run goes by. */
export type FileWord = Pick<
  Import,
  "id" | "accountId" | "kind" | "fileName" | "exportedAt" | "uploadedAt" | "lines"
>;

/** Number of the import whose word a run goes by; null for one that asks Stripe. */
export const importOf = ({ targets }: Pick<Run, "targets">): number | null =>
  targets && "import" in targets && !targets.verify ? targets.import : null;

/** The file whose word a run goes by; null for a run that asks Stripe. Throws `import_unknown`. */
export async function wordOf(sql: Sql, run: Pick<Run, "targets">): Promise<FileWord | null> {
  const id = importOf(run);
  if (id === null) return null;
  const [word] = await sql<FileWord[]>`
    SELECT id, account_id AS "accountId", kind, file_name AS "fileName", exported_at AS "exportedAt",
           uploaded_at AS "uploadedAt", lines
    FROM driftdesk.imports WHERE id = ${id} AND state = 'read'`;
  if (word) return word;
  throw new DriftdeskError(
    "import_unknown",
    `Import ${id} is not there any more, or could not be read. Bring the file again.`,
  );
}
