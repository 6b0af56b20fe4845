import { type Desks, desksOf } from "../desk.ts";
import { latestAccount } from "../reconcile/recent.ts";
import { knownDesks } from "./known.ts";

/** An account as people tell it from others. */
export interface AccountLine {
  /** As the config calls it; null in the short form. */
  name: string | null;
  /** Null before the first run that reached Stripe. */
  id: string | null;
  livemode: boolean;
}

/** Every account of the config, in its order. Does not ask Stripe. */
export async function listAccounts(desks: Desks): Promise<AccountLine[]> {
  const all = desksOf(desks);
  const lineOf = ({ config, stripe }: (typeof all)[number], id: string | null): AccountLine => ({
    name: config.account.name,
    id,
    livemode: stripe.livemode,
  });
  if (all.length === 1) return [lineOf(all[0], (await latestAccount(desks.sql))?.id ?? null)];
  const known = await knownDesks(desks);
  return all.map((desk) => {
    const { name } = desk.config.account;
    return lineOf(desk, known.find((one) => one.desk.config.account.name === name)?.accountId ?? null);
  });
}
