import { authorise } from "../auth/permissions.ts";
import type { Import, Run } from "../db/schema.ts";
import { type Actor, type Desk, type Desks, desksOf } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { requestRun } from "../reconcile/runs.ts";

export interface ImportRunRequest {
  importId: number;
  actor: Actor;
  /** Ask Stripe about everything that the import names, instead of going by what it says. A pasted list always does. */
  verify?: boolean | undefined;
}

/**
 * Requests the run that compares what an import says with the local rows, to be executed like any other; answers its id.
 * Throws `import_unknown`, `import_not_read`, `account_unknown`, and `target_unknown` where nothing of it is mapped.
 */
export async function startImportRun(
  desks: Desks,
  { importId, actor, verify = false }: ImportRunRequest,
): Promise<Run["id"]> {
  authorise(actor, "run");
  const [found] = await desks.sql<Pick<Import, "state" | "kind" | "accountName">[]>`
    SELECT state, kind, account_name AS "accountName" FROM driftdesk.imports WHERE id = ${importId}`;
  if (!found)
    throw new DriftdeskError("import_unknown", `There is no import with the number ${importId}.`, {
      status: 404,
    });
  if (found.state !== "read") throw notRead(importId, found.state);
  const targets =
    verify || found.kind === "list" ? ({ import: importId, verify: true } as const) : { import: importId };
  const { run } = await requestRun(deskOfImport(desks, importId, found), {
    mode: "targeted",
    trigger: "import",
    actor,
    targets,
    async within(tx, runId) {
      await tx`UPDATE driftdesk.imports SET run_id = ${runId} WHERE id = ${importId}`;
    },
  });
  return run.id;
}

const notRead = (id: number, state: Import["state"]) =>
  new DriftdeskError(
    "import_not_read",
    state === "reading"
      ? `Import ${id} is still being read. Start its run when it has been.`
      : `Import ${id} could not be read, so there is nothing to compare. Bring the file again.`,
    { status: 409 },
  );

/** An import of the short form's account, which has no name, has an empty one. */
function deskOfImport(desks: Desks, id: number, { accountName }: Pick<Import, "accountName">): Desk {
  const found = desksOf(desks).find((desk) => (desk.config.account.name ?? "") === accountName);
  if (found) return found;
  throw new DriftdeskError(
    "account_unknown",
    `Import ${id} is about the account "${accountName}", which the config does not have any more. Bring the file again for another account.`,
    { status: 409 },
  );
}
