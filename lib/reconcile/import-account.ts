import type { Run } from "../db/schema.ts";
import type { Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { isUnreachable } from "./patience.ts";
import { latestAccount } from "./recent.ts";
import { wordOf } from "./word.ts";

/**
 * The account that a run by a file's word is about, without asking Stripe where anything else knows it: the config, the import, or
 * what earlier runs found. Null for a run that asks Stripe anyway, and where Stripe has to be asked and answers.
 */
export async function accountOfFile(desk: Desk, run: Run): Promise<string | null> {
  const word = await wordOf(desk.sql, run);
  if (!word) return null;
  const { id: pinned, key, name } = desk.config.account;
  const id = pinned ?? run.accountId ?? word.accountId ?? (await foundBefore(desk));
  if (id === null) return mustAnswer(desk, name);
  if (word.accountId !== null && word.accountId !== id)
    throw new DriftdeskError(
      "account_mismatch",
      `Import ${word.id} is about ${word.accountId}, but ${name === null ? "the config" : `"${name}"`} is about ${id}. Bring the file again for the account that it was exported from.`,
    );
  const { livemode } = desk.stripe;
  await desk.sql`
    INSERT INTO driftdesk.accounts (id, livemode, config_name, first_seen_at)
    VALUES (${id}, ${livemode}, ${name}, ${desk.now()}) ON CONFLICT DO NOTHING`;
  const [known] = await desk.sql<{ livemode: boolean }[]>`
    SELECT livemode FROM driftdesk.accounts WHERE id = ${id}`;
  if (known && known.livemode !== livemode)
    throw new DriftdeskError(
      "mode_mismatch",
      `${key} is a ${livemode ? "live" : "test"} key, but ${id} has been compared in ${known.livemode ? "live" : "test"} mode so far. Use the key of that mode, or a desk of its own for the other.`,
    );
  return id;
}

/** What a run that reached Stripe found out about the key. */
async function foundBefore({ sql, config }: Desk): Promise<string | null> {
  const { name } = config.account;
  if (name === null) return (await latestAccount(sql))?.id ?? null;
  const [found] = await sql<{ id: string }[]>`SELECT id FROM driftdesk.accounts WHERE config_name = ${name}`;
  return found?.id ?? null;
}

async function mustAnswer({ stripe }: Desk, name: string | null): Promise<null> {
  try {
    await stripe.account();
    return null;
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    throw new DriftdeskError(
      "account_unknown",
      `Nobody knows yet which Stripe account the file is about: no run has reached Stripe, and it does not answer now. Write the account's id into ${name === null ? "account.id" : `accounts.${name}.id`} of the config, and start the run again.`,
      { cause: error },
    );
  }
}
