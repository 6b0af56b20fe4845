// Where the chain stood at a time, signed with a key that the database does not have. Whoever owns the database can compute
// the whole chain anew after changing it, and it is whole again; but not so that it still holds what was signed and kept.
import { sign, verify } from "node:crypto";
import type { Sql, TransactionSql } from "postgres";
import { z } from "zod";
import { DriftdeskError } from "../errors.ts";
import { publicText, readPublicKey, readSigningKey } from "./signing-key.ts";
import type { AuditProblem } from "./verify.ts";

const checkpointSchema = z.object({
  /** The last entry of the chain; 0: there was none. */
  seq: z.number().int().min(0),
  /** Its link in the chain, in hexadecimal. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  at: z.iso.datetime(),
  /** The public key that the signature is checked with. Told so that a wrong key is not taken for a forgery. */
  key: z.string(),
  signature: z.string(),
});
export type Checkpoint = z.infer<typeof checkpointSchema>;

/** The head of the chain, signed. Null without a key. `signingKey` is what AUDIT_SIGNING_KEY holds. */
export async function signedCheckpoint(
  { sql, now }: { sql: Sql | TransactionSql; now: () => Date },
  signingKey: string | undefined,
): Promise<Checkpoint | null> {
  const key = signingKey === undefined ? null : readSigningKey(signingKey);
  if (!key) return null;
  const [head] = await sql<{ seq: number; hash: string }[]>`
    SELECT h.seq, encode(h.hash, 'hex') AS hash FROM driftdesk.audit_head h`;
  if (!head)
    throw new DriftdeskError(
      "chain_broken",
      "The record of where the chain ends is missing, so nothing can be signed. Run `driftdesk audit verify`.",
    );
  const signed = { ...head, at: now().toISOString() };
  return { ...signed, key: publicText(key), signature: sign(null, content(signed), key).toString("base64") };
}

const content = ({ seq, hash, at }: Pick<Checkpoint, "seq" | "hash" | "at">) =>
  Buffer.from(`driftdesk audit checkpoint\n${seq}\n${hash}\n${at}\n`);

/** As it stands in a file of its own, and in the last line of an export. */
export const checkpointText = (checkpoint: Checkpoint): string => JSON.stringify({ checkpoint });

/** Reads a checkpoint's own file, or the end of an export. Throws `checkpoint_invalid` where there is none. */
export function readCheckpoint(text: string): Checkpoint {
  const last = text.trimEnd().split("\n").at(-1) ?? "";
  // In CSV the quotes of a cell are doubled.
  const [found] = /\{"checkpoint":\{[^{}]*\}\}/.exec(last.replaceAll('""', '"')) ?? [];
  const parsed = found === undefined ? null : checkpointSchema.safeParse(JSON.parse(found).checkpoint);
  if (parsed?.success) return parsed.data;
  throw new DriftdeskError(
    "checkpoint_invalid",
    "There is no checkpoint in this file: it is neither one that Driftdesk signed nor an export that ends with one.",
  );
}

/** What is wrong with the chain by a checkpoint of it, or with the checkpoint. `publicKey`: whom it is believed. */
export async function checkCheckpoint(
  sql: Sql,
  checkpoint: Checkpoint,
  publicKey: string,
): Promise<AuditProblem[]> {
  const { seq, hash, at, key, signature } = checkpoint;
  const problem = (text: string): AuditProblem[] => [{ seq, problem: text }];
  const believed = readPublicKey(publicKey);
  if (!believed) throw new DriftdeskError("key_invalid", "This is no Ed25519 public key.");
  if (!verify(null, content(checkpoint), believed, Buffer.from(signature, "base64")))
    return problem(
      key === publicText(believed)
        ? "The checkpoint's signature is wrong: it was changed or made up, and proves nothing."
        : "The checkpoint was signed with another key than the one that it is checked with: it is forged, or the key was replaced since.",
    );
  if (seq === 0) return [];
  const [row] = await sql<{ hash: string | null; last: number }[]>`
    SELECT (SELECT encode(e.hash, 'hex') FROM driftdesk.audit_entries e WHERE e.seq = ${seq}) AS hash,
           (SELECT coalesce(max(e.seq), 0) FROM driftdesk.audit_entries e) AS last`;
  if (row?.hash === hash) return [];
  if (row && row.last < seq)
    return problem(
      `The chain ends at ${row.last}, but had come to ${seq} by ${at}, when the checkpoint was signed: entries at its end were removed.`,
    );
  return problem(
    `The history up to this entry is not the one that was signed at ${at}: it was rewritten, however whole the chain looks.`,
  );
}
