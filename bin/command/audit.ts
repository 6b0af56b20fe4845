import { once } from "node:events";
import { exportAudit, exportFormats } from "../../lib/audit/export.ts";
import { verifyAudit } from "../../lib/audit/verify.ts";
import { openRecords, systemActor } from "../../lib/desk.ts";
import { DriftdeskError } from "../../lib/errors.ts";
import { count, note, print } from "./print.ts";

/** Computes the whole chain anew. 1 when it does not hold. */
export async function auditVerify(): Promise<number> {
  const records = await openRecords();
  try {
    const { ok, length, head, lastAt, problems } = await verifyAudit(records.sql);
    for (const { seq, problem } of problems) await print(`${seq}\t${problem}`);
    const entries = count(length, "entry", "entries");
    note(
      ok
        ? `The chain is whole: ${entries}.`
        : `The chain is broken: ${count(problems.length, "problem")} in ${entries}.`,
    );
    if (ok) await print(`${length}\t${lastAt?.toISOString() ?? ""}\t${head}`);
    return ok ? 0 : 1;
  } finally {
    await records.close();
  }
}

/** The whole history to stdout, piece by piece. */
export async function auditExport(options: { format: string }): Promise<number> {
  const format = exportFormats.find((one) => one === options.format);
  if (!format)
    throw new DriftdeskError(
      "format_unknown",
      `There is no format "${options.format}". Take one of ${exportFormats.join(", ")}.`,
    );
  const records = await openRecords();
  try {
    for await (const piece of await exportAudit(records, { format, filter: {} }, systemActor))
      if (!process.stdout.write(piece)) await once(process.stdout, "drain");
    return 0;
  } finally {
    await records.close();
  }
}
