// A signed checkpoint that was kept elsewhere finds what the chain alone cannot: that all of it was written anew.
import type { Sql } from "postgres";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FreshDatabase, freshDatabase } from "../db/testing.ts";
import { appendAudit } from "./append.ts";
import {
  type Checkpoint,
  checkCheckpoint,
  checkpointText,
  readCheckpoint,
  signedCheckpoint,
} from "./checkpoint.ts";
import { exportAudit, exportFormats } from "./export.ts";
import { newSigningKey } from "./signing-key.ts";
import { verifyAudit } from "./verify.ts";

const now = () => new Date("2026-11-24T12:00:00Z");
const keys = newSigningKey();
let database: FreshDatabase;
let sql: Sql;
beforeEach(async () => {
  database = await freshDatabase({ migrated: true });
  sql = database.sql;
});
afterEach(() => database.drop());

const write = (count: number, text = "as it was") =>
  appendAudit(
    sql,
    Array.from({ length: count }, (_, i) => ({
      actor: "ada@example.com",
      action: "fix.applied" as const,
      data: { i, text },
    })),
    now(),
  );

async function take(): Promise<Checkpoint> {
  const checkpoint = await signedCheckpoint({ sql, now }, keys.signingKey);
  if (!checkpoint) throw new Error("there is a key");
  return checkpoint;
}
const problems = (checkpoint: Checkpoint, publicKey = keys.publicKey) =>
  checkCheckpoint(sql, checkpoint, publicKey);
const found = (seq: number, text: string) => [{ seq, problem: expect.stringContaining(text) }];

/** What the owner of the database can do: the history as they would have it, with a chain that is whole. */
async function writeAnew(entries: () => Promise<unknown>): Promise<void> {
  await sql.unsafe(`
    ALTER TABLE driftdesk.audit_entries DISABLE TRIGGER ALL;
    TRUNCATE driftdesk.audit_entries;
    UPDATE driftdesk.audit_head SET seq = 0, hash = sha256('driftdesk audit chain'::bytea);
    ALTER TABLE driftdesk.audit_entries ENABLE TRIGGER ALL`);
  await entries();
  expect(await verifyAudit(sql)).toMatchObject({ ok: true });
}

test("a chain that only grew still holds its checkpoints", async () => {
  const none = await take();
  await write(3);
  const some = await take();
  await write(2);
  for (const checkpoint of [none, some, await take()]) expect(await problems(checkpoint)).toEqual([]);
  expect([none.seq, some.seq]).toEqual([0, 3]);
});

test("a history that was written anew, with every link computed again, is found", async () => {
  await write(10);
  const checkpoint = await take();
  await writeAnew(() => write(12, "as it never was"));
  expect(await problems(checkpoint)).toEqual(found(10, "it was rewritten"));
});

test("a history whose end was cut off, with every link in its place, is found", async () => {
  await write(10);
  const checkpoint = await take();
  await writeAnew(() => write(8));
  expect(await problems(checkpoint)).toEqual(found(10, "The chain ends at 8, but had come to 10"));
});

test("a checkpoint that was made up, or changed to fit, proves nothing", async () => {
  await write(10);
  const checkpoint = await take();
  await write(5);
  const other = await take();
  for (const change of [
    { seq: 9 },
    { hash: other.hash },
    { at: "2020-01-01T00:00:00.000Z" },
    { signature: "" },
  ])
    expect(await problems({ ...checkpoint, ...change })).toEqual(
      found(change.seq ?? 10, "The checkpoint's signature is wrong"),
    );
});

test("another key is told apart from a forgery", async () => {
  await write(10);
  const checkpoint = await take();
  expect(await problems(checkpoint, newSigningKey().publicKey)).toEqual(found(10, "signed with another key"));
  // Who says to have signed with the right key has not.
  const forged = await signedCheckpoint({ sql, now }, newSigningKey().signingKey);
  expect(await problems({ ...(forged as Checkpoint), key: keys.publicKey })).toEqual(
    found(10, "The checkpoint's signature is wrong"),
  );
});

test.each(exportFormats)(
  "every export as %s ends with one, and nothing does without a key",
  async (format) => {
    await write(3);
    const environment = { auditSigningKey: keys.signingKey };
    const actor = { email: "system", name: "Driftdesk", role: "system" } as const;
    const text = async (from: { auditSigningKey: string | undefined }) => {
      const pieces = await exportAudit(
        { sql, now, environment: from },
        { format, filter: { action: ["fix.applied"] } },
        actor,
      );
      let all = "";
      for await (const piece of pieces) all += piece;
      return all;
    };
    const signed = await text(environment);
    const checkpoint = readCheckpoint(signed);
    expect(checkpoint.seq).toBe(4);
    expect(await problems(checkpoint)).toEqual([]);
    const plain = await text({ auditSigningKey: undefined });
    expect(signed.startsWith(plain)).toBe(true);
    expect(() => readCheckpoint(plain)).toThrow(expect.objectContaining({ code: "checkpoint_invalid" }));
  },
);

test("what was written to a file is read from it", async () => {
  await write(1);
  const checkpoint = await take();
  expect(readCheckpoint(`${checkpointText(checkpoint)}\n`)).toEqual(checkpoint);
  for (const text of ["", "{}", '{"checkpoint":{"seq":1}}', "nothing"])
    expect(() => readCheckpoint(text)).toThrow(expect.objectContaining({ code: "checkpoint_invalid" }));
});
