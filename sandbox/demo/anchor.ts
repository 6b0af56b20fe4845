import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { newSigningKey } from "../../lib/audit/signing-key.ts";

const anchorSchema = z.object({
  seed: z.number().int(),
  customers: z.number().int().positive(),
  /** When the demonstration began: with the seed it makes the same Stripe account again at every start. */
  now: z.coerce.date(),
  password: z.string(),
  cronSecret: z.string(),
  /** Of a folder from before there were checkpoints: a new one at every start. */
  auditSigningKey: z.string().default(() => newSigningKey().signingKey),
  /** Of a folder from before webhooks were received: the same. */
  webhookSecret: z.string().default(newWebhookSecret),
});
export type Anchor = z.infer<typeof anchorSchema>;

function newWebhookSecret(): string {
  return `whsec_${randomBytes(24).toString("hex")}`;
}

/** What the demonstration has to remember from one start to the next, made at the first. */
export async function readAnchor(folder: string): Promise<Anchor> {
  const file = join(folder, "demo.json");
  const text = await readFile(file, "utf8").catch(() => null);
  if (text !== null) return anchorSchema.parse(JSON.parse(text));
  const now = new Date();
  now.setUTCMilliseconds(0);
  const anchor: Anchor = {
    seed: 20_261,
    customers: 800,
    now,
    password: `demo-${randomBytes(5).toString("hex")}`,
    cronSecret: randomBytes(24).toString("base64url"),
    auditSigningKey: newSigningKey().signingKey,
    webhookSecret: newWebhookSecret(),
  };
  await mkdir(folder, { recursive: true });
  await writeFile(file, `${JSON.stringify(anchor, null, 2)}\n`, { mode: 0o600 });
  return anchor;
}
