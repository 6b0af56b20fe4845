import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { DriftdeskError } from "../../lib/errors.ts";
import { readExport } from "../../lib/quick-fix/read.ts";
import { count, print } from "./print.ts";

/** Says what a file of Stripe's Dashboard was understood as, and which of its lines were not; 1 when there are any. */
export async function quickFix(file: string): Promise<number> {
  const found = await stat(file).catch(() => null);
  if (!found?.isFile())
    throw new DriftdeskError("export_missing", `There is no file ${file}. Give the path of the export.`);
  const { understood, lines } = await readExport(createReadStream(file));
  const { kind, columns, ignored, notes } = understood;
  await print(`${file} is an export of ${kind}.`);
  await print(`Read: ${columns.map(({ header }) => header).join(", ")}.`);
  if (ignored.length > 0) await print(`Left out, since nothing is compared with it: ${ignored.join(", ")}.`);
  for (const note of notes) await print(note);
  let read = 0;
  let unread = 0;
  for await (const one of lines) {
    if ("row" in one) read++;
    else {
      unread++;
      // It was counted as read before this one contradicted it.
      if (one.withdraws !== undefined) read--;
      await print(`line ${one.line}: ${one.problem}`);
    }
  }
  await print(
    unread === 0
      ? `All ${count(read, "line")} can be read.`
      : `${count(read, "line")} can be read, ${unread.toLocaleString("en-US")} cannot.`,
  );
  return unread === 0 && read > 0 ? 0 : 1;
}
