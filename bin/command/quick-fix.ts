import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { deskAbout } from "../../lib/accounts/known.ts";
import { openDesk } from "../../lib/desk.ts";
import { DriftdeskError } from "../../lib/errors.ts";
import { differencesOf, findingsOf, getImport, problemsOf } from "../../lib/quick-fix/imports.ts";
import { readExport } from "../../lib/quick-fix/read.ts";
import { startImportRun } from "../../lib/quick-fix/start.ts";
import { storeImport } from "../../lib/quick-fix/store.ts";
import { timeLeftWords } from "../../lib/reconcile/rate.ts";
import { runSummary } from "../../lib/reconcile/runs.ts";
import { personOf } from "./apply.ts";
import { count, note, print } from "./print.ts";
import { carryOut, exitCode } from "./reconcile.ts";

export interface QuickFixOptions {
  check?: boolean;
  as?: string;
  exportedAt?: string;
  account?: string;
  verify?: boolean;
  json?: boolean;
}

/** So many lines of a kind are printed; the desk shows all. */
const shownAtMost = 100;

/** Brings a file and compares it: 1 when a line cannot be read, or the run ends with something to look at. */
export async function quickFix(file: string, options: QuickFixOptions): Promise<number> {
  const found = await stat(file).catch(() => null);
  if (!found?.isFile())
    throw new DriftdeskError("export_missing", `There is no file ${file}. Give the path of the export.`);
  if (options.check) return check(file);
  if (options.as === undefined)
    throw new DriftdeskError(
      "option_missing",
      "Say who brings the file: --as EMAIL, a person with the role finance or admin. With --check it is only looked at.",
    );
  const exportedAt = options.exportedAt === undefined ? found.mtime : new Date(options.exportedAt);
  if (Number.isNaN(exportedAt.getTime()))
    throw new DriftdeskError(
      "exported_at_invalid",
      `--exported-at ${options.exportedAt} is no time. Write it like 2026-11-25T03:00:00Z.`,
    );
  const desks = await openDesk();
  try {
    const actor = await personOf(desks, options.as);
    const desk = deskAbout(desks, options.account);
    const { id, already } = await storeImport(
      desk,
      {
        source: "file",
        fileName: basename(file),
        exportedAt,
        bytesTotal: found.size,
        onProgress: progressOf(found.size),
      },
      createReadStream(file),
      actor,
    );
    if (already) note(`This very file was brought before, as import ${id}.`);
    const runId = await startImportRun(desks, { importId: id, actor, verify: options.verify });
    const run = await carryOut(desks, runId, new AbortController().signal);
    const brought = await getImport(desks.sql, id);
    const [problems, findings, differences] = await Promise.all([
      problemsOf(desks.sql, id, { limit: shownAtMost }),
      findingsOf(desks.sql, { id, runId }, shownAtMost),
      differencesOf(desks.sql, id),
    ]);
    for (const { line, problem } of problems) note(`line ${line}: ${problem}`);
    for (const { line, finding, about, resource } of findings.rows)
      note(`line ${line}, ${resource}: ${finding.replaceAll("_", " ")}${about === null ? "" : `, ${about}`}`);
    if (run.message) note(run.message);
    const { lines = 0, problems: unread = 0 } = brought ?? {};
    await print(
      options.json
        ? JSON.stringify({
            import: id,
            already,
            lines,
            problems: unread,
            findings: Object.fromEntries(findings.counts.map((one) => [one.finding, one.count])),
            differences: differences.open,
            run: runSummary(run),
          })
        : `Import ${id}: ${count(lines, "line")} read, ${unread.toLocaleString("en-US")} not; ${count(differences.open, "open difference")} by its word. Run ${run.id} ${run.state}.`,
    );
    return Math.max(exitCode(run.state), unread > 0 ? 1 : 0);
  } finally {
    await desks.close();
  }
}

/** At most a line each second. */
function progressOf(size: number) {
  const began = performance.now();
  let told = began;
  return ({ bytes, lines, problems }: { bytes: number; lines: number; problems: number }) => {
    const now = performance.now();
    if (now - told < 1_000) return;
    told = now;
    const left = ((now - began) / 1_000 / bytes) * (size - bytes);
    note(
      `${count(lines, "line")} read, ${problems.toLocaleString("en-US")} not, ${Math.floor((100 * bytes) / size)}%, ${timeLeftWords(left)}`,
    );
  };
}

/** Says what a file of Stripe's Dashboard was understood as, and which of its lines were not; 1 when there are any. */
async function check(file: string): Promise<number> {
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
