import { once } from "node:events";
import { open } from "node:fs/promises";
import {
  type Checkpoint,
  checkCheckpoint,
  checkpointText,
  readCheckpoint,
  signedCheckpoint,
} from "../../lib/audit/checkpoint.ts";
import { exportAudit, exportFormats } from "../../lib/audit/export.ts";
import { newSigningKey } from "../../lib/audit/signing-key.ts";
import { verifyAudit } from "../../lib/audit/verify.ts";
import { openRecords, type Records, systemActor } from "../../lib/desk.ts";
import { DriftdeskError } from "../../lib/errors.ts";
import { count, note, print } from "./print.ts";

/** Computes the whole chain anew. 1 when it does not hold. */
export async function auditVerify(options: { checkpoint?: string }): Promise<number> {
  const checkpoint = options.checkpoint === undefined ? null : await checkpointIn(options.checkpoint);
  const records = await openRecords();
  try {
    const { ok, length, head, lastAt, problems } = await verifyAudit(records.sql, { onProgress });
    for (const { seq, problem } of problems) await print(`${seq}\t${problem}`);
    const entries = count(length, "entry", "entries");
    note(
      ok
        ? `The chain is whole: ${entries}.`
        : `The chain is broken: ${count(problems.length, "problem")} in ${entries}.`,
    );
    if (ok) await print(`${length}\t${lastAt?.toISOString() ?? ""}\t${head}`);
    const kept = checkpoint === null || (await holds(records, checkpoint));
    return ok && kept ? 0 : 1;
  } finally {
    await records.close();
  }
}

let told = 0;

/** At most a line a second, for what takes longer than that. */
function onProgress(done: number, of: number): void {
  const now = performance.now();
  if (told === 0) told = now;
  if (now - told < 1_000) return;
  told = now;
  note(`${done.toLocaleString("en-US")} of ${count(of, "entry", "entries")} verified`);
}

async function holds({ sql, environment }: Records, checkpoint: Checkpoint): Promise<boolean> {
  if (environment.auditPublicKey === undefined)
    throw new DriftdeskError(
      "key_missing",
      "A checkpoint is checked with a key: set AUDIT_PUBLIC_KEY, or AUDIT_SIGNING_KEY.",
    );
  const problems = await checkCheckpoint(sql, checkpoint, environment.auditPublicKey);
  for (const { seq, problem } of problems) await print(`${seq}\t${problem}`);
  const { seq, at } = checkpoint;
  note(
    problems.length === 0
      ? `The history up to entry ${seq.toLocaleString("en-US")} is the one that was signed at ${at}.`
      : "The checkpoint does not hold.",
  );
  return problems.length === 0;
}

/** An export may be large: its last line is what is looked at. */
const tailBytes = 64 * 1024;

async function checkpointIn(path: string): Promise<Checkpoint> {
  const file = await open(path).catch((error: Error) => {
    throw new DriftdeskError("file_unreadable", `The checkpoint could not be read: ${error.message}`);
  });
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - tailBytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
    return readCheckpoint(buffer.toString("utf8", 0, bytesRead));
  } finally {
    await file.close();
  }
}

/** The end of the chain, signed, to stdout. */
export async function auditCheckpoint(): Promise<number> {
  const records = await openRecords();
  try {
    const checkpoint = await signedCheckpoint(records, records.environment.auditSigningKey);
    if (!checkpoint)
      throw new DriftdeskError(
        "key_missing",
        "There is no key to sign with: set AUDIT_SIGNING_KEY. `driftdesk audit key` makes one.",
      );
    await print(checkpointText(checkpoint));
    note(
      `Signed: the history up to entry ${checkpoint.seq.toLocaleString("en-US")}. Keep it away from the database.`,
    );
    return 0;
  } finally {
    await records.close();
  }
}

/** A new pair of keys, as the environment takes them. */
export async function auditKey(): Promise<number> {
  const { signingKey, publicKey } = newSigningKey();
  await print(`AUDIT_SIGNING_KEY=${signingKey}`);
  await print(`AUDIT_PUBLIC_KEY=${publicKey}`);
  note("The first one signs, and is a secret. The second one verifies: give it to whoever audits.");
  return 0;
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
