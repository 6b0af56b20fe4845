import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { deskAbout } from "../../lib/accounts/known.ts";
import { type Actor, type Desk, type OpenDesk, openDesk } from "../../lib/desk.ts";
import { DriftdeskError } from "../../lib/errors.ts";
import { bringResult, scriptOf } from "../../lib/quick-fix/bring-result.ts";
import { scriptOfImport } from "../../lib/quick-fix/import-script.ts";
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
  sql?: boolean;
  result?: boolean;
  exportedAt?: string;
  account?: string;
  verify?: boolean;
  json?: boolean;
}

/** So many lines of a kind are printed; the desk shows all. */
const shownAtMost = 100;

/**
 * Brings a file and compares it: 1 when a line cannot be read, or the run ends with something to look at. With `sql` stdout is a
 * script; without anybody in whose name the file is brought, the desk that compares it is thrown away afterwards.
 */
export async function quickFix(file: string, options: QuickFixOptions): Promise<number> {
  const found = await stat(file).catch(() => null);
  if (!found?.isFile())
    throw new DriftdeskError("export_missing", `There is no file ${file}. Give the path of the export.`);
  const ways = (["check", "sql", "result", "verify"] as const).filter((name) => options[name]);
  if (ways.length > 1)
    throw new DriftdeskError(
      "options_conflict",
      `${ways.map((name) => `--${name}`).join(" and ")} exclude each other: take one of them.`,
    );
  if (options.check) return check(file);
  const exportedAt = options.exportedAt === undefined ? found.mtime : new Date(options.exportedAt);
  if (Number.isNaN(exportedAt.getTime()))
    throw new DriftdeskError(
      "exported_at_invalid",
      `--exported-at ${options.exportedAt} is no time. Write it like 2026-11-25T03:00:00Z.`,
    );
  const given: Given = { file, exportedAt, bytes: found.size, options };
  const { as } = options;
  if (as === undefined) {
    if (options.sql) return onThrowAwayDesk((desks, actor) => compare(desks, actor, given));
    throw new DriftdeskError(
      "option_missing",
      "Say who brings the file: --as EMAIL, a person with the role finance or admin. With --check it is only looked at, with --sql a script is printed.",
    );
  }
  const desks = await openDesk();
  try {
    const actor = await personOf(desks, as);
    return await (options.result ? takeResult(desks, actor, file) : compare(desks, actor, given));
  } finally {
    await desks.close();
  }
}

/** What psql printed is kept in the history; what the rows say is for a run to see. 1 when some of them still differ. */
async function takeResult(desks: OpenDesk, actor: Actor, file: string): Promise<number> {
  const { importId, written, already } = await bringResult(desks, await readFile(file, "utf8"), actor);
  if (already) note("This result was brought before.");
  const run = await carryOut(
    desks,
    await startImportRun(desks, { importId, actor }),
    new AbortController().signal,
  );
  const { open } = await differencesOf(desks.sql, importId);
  if (run.message) note(run.message);
  await print(
    `The script says that it has written ${count(written, "row")}. ${count(open, "difference is", "differences are")} still open by the word of import ${importId}.`,
  );
  return Math.max(exitCode(run.state), open > 0 ? 1 : 0);
}

interface Given {
  file: string;
  exportedAt: Date;
  bytes: number;
  options: QuickFixOptions;
}

async function compare(desks: OpenDesk, actor: Actor, given: Given): Promise<number> {
  const { file, exportedAt, bytes, options } = given;
  const desk = deskAbout(desks, options.account);
  const { id, already } = await storeImport(
    desk,
    {
      source: "file",
      fileName: basename(file),
      exportedAt,
      bytesTotal: bytes,
      onProgress: progressOf(bytes),
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
  const summary = `Import ${id}: ${count(lines, "line")} read, ${unread.toLocaleString("en-US")} not; ${count(differences.open, "open difference")} by its word. Run ${run.id} ${run.state}.`;
  if (options.sql) {
    note(summary);
    if (run.state !== "succeeded") return exitCode(run.state) || 2;
    await printScript(desk, id, given);
  } else
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
        : summary,
    );
  return Math.max(exitCode(run.state), unread > 0 ? 1 : 0);
}

async function printScript(
  desk: Desk,
  importId: number,
  { file, exportedAt, options }: Given,
): Promise<void> {
  const { pieces, rows, leftOut } = await scriptOfImport(desk, importId, {
    nonce: options.as === undefined ? randomUUID() : scriptOf(importId, randomUUID()),
    about: [
      `From ${basename(file)}, which was exported ${exportedAt.toISOString()}: what it says, not what Stripe was asked.`,
      `Compared ${desk.now().toISOString()}.`,
    ],
  });
  for await (const piece of pieces) await print(piece.replace(/\n$/, ""));
  note(`The script corrects ${count(rows, "record")}. Nothing is written before somebody runs it.`);
  for (const { reason, count: times } of leftOut)
    note(`Left out ${times.toLocaleString("en-US")}: ${reason}`);
}

/**
 * For somebody without a way to the desk's own database: one is made beside it, compares, and is removed. The company's database
 * is only read.
 */
async function onThrowAwayDesk(work: (desks: OpenDesk, actor: Actor) => Promise<number>): Promise<number> {
  const local = process.env.LOCAL_DATABASE_URL ?? process.env.DATABASE_URL;
  if (local === undefined)
    throw new DriftdeskError(
      "local_database_missing",
      "Set LOCAL_DATABASE_URL to the database with your records. With --sql it is only read.",
    );
  const folder = await mkdtemp(join(tmpdir(), "driftdesk-quick-fix-"));
  process.env.LOCAL_DATABASE_URL = local;
  process.env.DRIFTDESK_DIR = folder;
  delete process.env.DATABASE_URL;
  try {
    const desks = await openDesk();
    try {
      return await work(desks, { email: "quick-fix", name: "quick-fix --sql", role: "admin" });
    } finally {
      await desks.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
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
