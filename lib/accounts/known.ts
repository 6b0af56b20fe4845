// Which desk is about which Stripe account. What stands in Driftdesk's tables names an account by its id; which of the
// config's accounts that is was written down by the run that found it.
import type { Resource } from "../config/resource.ts";
import type { Run } from "../db/schema.ts";
import { type Desk, type Desks, desksOf } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { whileSomebodyWaits } from "../stripe/priority.ts";
import type { StripeReader } from "../stripe/reader.ts";

export interface KnownDesk {
  desk: Desk;
  /** Null: about whatever stands in the tables, since there is no other. */
  accountId: string | null;
}

/** The desks that can be told apart, with their accounts' ids; one that no run has compared yet is about nothing. */
export async function knownDesks(desks: Desks): Promise<KnownDesk[]> {
  const all = desksOf(desks);
  const [only] = all;
  if (all.length === 1) return [{ desk: only, accountId: only.config.account.id ?? null }];
  const compared = await desks.sql<{ id: string; name: string }[]>`
    SELECT id, config_name AS name FROM driftdesk.accounts WHERE config_name IS NOT NULL`;
  return all.flatMap((desk) => {
    const { id, name } = desk.config.account;
    const accountId = id ?? compared.find((one) => one.name === name)?.id;
    return accountId === undefined ? [] : [{ desk, accountId }];
  });
}

export interface MappedTables {
  resource: string;
  /** `schema.name`; several accounts may keep it in several tables. */
  tables: string[];
}

/** Every resource with its tables, of one account or of all. */
export function tablesOf(desks: Desks, account?: string | null | undefined): MappedTables[] {
  const all = desksOf(desks).filter((desk) => account === undefined || desk.config.account.name === account);
  const found = new Map<string, Set<string>>();
  for (const { config } of all)
    for (const { name, table } of config.resources)
      found.set(name, (found.get(name) ?? new Set()).add(`${table.schema}.${table.name}`));
  return [...found].map(([resource, tables]) => ({ resource, tables: [...tables] }));
}

export interface AccountsMapping {
  resource: Resource;
  /** Names of the accounts that it is for; none where it is for all. */
  accounts: string[];
  /** Which rows each of them compares, where that is not all of them. */
  rows: { account: string | null; where: string }[];
}

/** Every mapping once, with the accounts that share it. */
export function mappingsOf(desks: Desks): AccountsMapping[] {
  const all = desksOf(desks);
  const found = new Map<string, AccountsMapping>();
  for (const { config } of all)
    for (const resource of config.resources) {
      // Which rows are whose differs between accounts that share a mapping, and is no other mapping.
      const { where: _, share: __, ...same } = resource;
      const key = JSON.stringify(same);
      const mapping = found.get(key) ?? { resource, accounts: [], rows: [] };
      found.set(key, mapping);
      const account = config.account.name;
      if (account !== null) mapping.accounts.push(account);
      if (resource.where !== undefined) mapping.rows.push({ account, where: resource.where });
    }
  return [...found.values()].map((mapping) =>
    mapping.accounts.length === all.length ? { ...mapping, accounts: [] } : mapping,
  );
}

/** The desk of a Stripe account among those that are known; null when the config has none for it any more. */
export function deskOf(known: readonly KnownDesk[], accountId: string): Desk | null {
  return known.find((one) => one.accountId === null || one.accountId === accountId)?.desk ?? null;
}

/** Why a desk's key cannot be asked about an account, which it did belong to; null when it still does. Asks Stripe once. */
export async function otherAccount(desk: Desk, accountId: string): Promise<string | null> {
  const id = await accountOfKey(desk);
  const { account } = desk.config;
  return id === accountId ? null : `${account.key} belongs to ${id} by now, and not to ${accountId}.`;
}

/** The id of a desk's account: the one that it is pinned to, or its key's. Asks Stripe once where it is not pinned. */
export const accountIdOf = async (desk: Desk): Promise<string> =>
  desk.config.account.id ?? (await accountOfKey(desk));

function accountOfKey({ stripe }: Desk): Promise<string> {
  const asking = idOf.get(stripe) ?? whileSomebodyWaits(() => stripe.account()).then(({ id }) => id);
  idOf.set(stripe, asking);
  asking.catch(() => idOf.delete(stripe));
  return asking;
}

/** A key's account never changes. */
const idOf = new WeakMap<StripeReader, Promise<string>>();

/** The desk that a run is about. Throws `account_unknown` when the config has no such account any more. */
export async function deskOfRun(
  desks: Desks,
  run: Pick<Run, "id" | "accountId" | "accountName">,
): Promise<Desk> {
  const { accountName, accountId } = run;
  const named = desksOf(desks).find((desk) => desk.config.account.name === accountName);
  // One from before the accounts had names.
  const found =
    named ?? (accountName === null && accountId !== null ? deskOf(await knownDesks(desks), accountId) : null);
  if (found) return found;
  throw new DriftdeskError(
    "account_unknown",
    `Run ${run.id} is about ${accountName === null ? (accountId ?? "an account without a name") : `the account "${accountName}"`}, which the config does not have any more. Start a new run.`,
  );
}

/** One account's desk, or every account's when none is named. Throws `account_unknown`. */
export function desksNamed(desks: Desks, name: string | undefined): [Desk, ...Desk[]] {
  const all = desksOf(desks);
  if (name === undefined) return all;
  const found = all.find((desk) => desk.config.account.name === name);
  if (found) return [found];
  const names = all.flatMap((desk) => desk.config.account.name ?? []);
  throw new DriftdeskError(
    "account_unknown",
    names.length === 0
      ? `The config has one account, which has no name: there is no "${name}" to choose.`
      : `The config has no account named "${name}". It has ${names.join(", ")}.`,
    { status: 400 },
  );
}

/** The desk of the account that is named; the only one there is when none is. Throws `account_unknown`, `account_missing`. */
export function deskAbout(desks: Desks, name: string | undefined): Desk {
  const [desk, ...others] = desksNamed(desks, name);
  if (others.length === 0) return desk;
  const names = [desk, ...others].flatMap(({ config }) => config.account.name ?? []);
  throw new DriftdeskError(
    "account_missing",
    `The config has several accounts. Say which one is meant: ?account=${names[0]}, or one of ${names.slice(1).join(", ")}.`,
    { status: 400 },
  );
}
