import { checkConfig } from "../../lib/config/check.ts";
import { openDesk } from "../../lib/desk.ts";
import { DriftdeskError } from "../../lib/errors.ts";
import { count, print } from "./print.ts";

/** A line per finding; 1 when something has to be corrected. */
export async function check(): Promise<number> {
  const desk = await openDesk().catch(async (error) => {
    // A config with mistakes is what this command is there to find.
    if (!(error instanceof DriftdeskError) || error.code !== "config_invalid") throw error;
    await print(error.message);
    return null;
  });
  if (desk === null) return 1;
  try {
    const findings = await checkConfig(desk);
    for (const { level, account, where, message, remedy } of findings)
      await print(
        `${account === undefined ? "" : `${account}: `}${level.padEnd(7)} ${where}: ${message}${remedy ? ` → ${remedy}` : ""}`,
      );
    const errors = findings.filter((finding) => finding.level === "error").length;
    await print(errors === 0 ? "Ready to reconcile." : `${count(errors, "error")} to correct.`);
    return errors === 0 ? 0 : 1;
  } finally {
    await desk.close();
  }
}
