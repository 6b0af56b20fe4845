// Several accounts in one config: what none of them can know by itself.
import { z } from "zod";
import type { ConfigIssue } from "./issues.ts";
import { didYouMean } from "./nearest.ts";
import type { Config, Resource } from "./resource.ts";

/** Where a key is, never the key: a config is in version control. */
export const keyVariable = z
  .string()
  .refine((text) => !/^[a-z]k_(live|test)_/.test(text), {
    error:
      "a key does not belong into the config: put it into an environment variable and write the variable's name here",
    abort: true,
  })
  .regex(/^[A-Z_][A-Z0-9_]*$/i, 'name the environment variable that holds the key, as in "STRIPE_KEY_EU"');

/** Where the signing secrets of webhooks are, never the secrets. */
export const webhookVariable = z
  .string()
  .refine((text) => !text.startsWith("whsec_"), {
    error:
      "a signing secret does not belong into the config: put it into an environment variable and write the variable's name here",
    abort: true,
  })
  .regex(
    /^[A-Z_][A-Z0-9_]*$/i,
    'name the environment variable that holds the signing secret, as in "STRIPE_WEBHOOK_SECRET_EU"',
  );

interface GivenAccount {
  id?: string | undefined;
  key: string;
  stripeAccount?: string | undefined;
  resources?: object | undefined;
  where?: Readonly<Record<string, string>> | undefined;
}

interface Given {
  account?: unknown;
  accounts?: Readonly<Record<string, GivenAccount>> | undefined;
  resources?: object | undefined;
}

/** What is wrong with each account beside the others and the shared mapping. */
export function checkAccounts({
  account,
  accounts,
  resources,
}: Given): { path: string[]; message: string }[] {
  if (!accounts)
    return resources
      ? []
      : [{ path: ["resources"], message: "say what is compared: name at least one resource" }];
  const issues: { path: string[]; message: string }[] = [];
  if (account)
    issues.push({
      path: ["account"],
      message: "is the short form for one account: write its id into one of the accounts",
    });
  for (const [name, one] of Object.entries(accounts)) {
    const issue = (setting: string[], message: string) =>
      issues.push({ path: ["accounts", name, ...setting], message });
    if (!one.resources && !resources)
      issue(
        ["resources"],
        "there is no mapping: give this account its own resources, or all of them shared ones",
      );
    if (one.id !== undefined && one.stripeAccount !== undefined && one.id !== one.stripeAccount)
      issue(["id"], "a connected account is pinned by its stripeAccount: leave id out");
    const mapped = Object.keys(one.resources ?? resources ?? {});
    for (const resource of Object.keys(one.where ?? {}))
      if (!mapped.includes(resource))
        issue(["where", resource], `there is no resource of this name${didYouMean(resource, mapped)}`);
  }
  return [...issues, ...sameAccount(accounts)];
}

/** One Stripe account under two names would be compared twice, with two mappings that contradict each other. */
function sameAccount(
  accounts: Readonly<Record<string, GivenAccount>>,
): { path: string[]; message: string }[] {
  const seen = new Map<string, string>();
  return Object.entries(accounts).flatMap(([name, one]) => {
    const pinned = one.stripeAccount ?? one.id;
    const known: [string, string, string][] = [[`key ${one.key} ${one.stripeAccount ?? ""}`, "key", one.key]];
    if (pinned !== undefined)
      known.push([`id ${pinned}`, one.stripeAccount ? "stripeAccount" : "id", pinned]);
    for (const [what, setting, value] of known) {
      const other = seen.get(what);
      if (other !== undefined)
        return [
          {
            path: ["accounts", name, setting],
            message: `"${other}" has ${value} too: one Stripe account has one name. Remove one of them`,
          },
        ];
      seen.set(what, name);
    }
    return [];
  });
}

/** Both conditions, where there are both. Each on lines of its own: it may end in a comment. */
export function joinConditions(one: string | undefined, other: string | undefined): string | undefined {
  return one === undefined || other === undefined ? (one ?? other) : `(${one}\n) AND (${other}\n)`;
}

/**
 * Rows that two accounts would both take for their own: those of the one would look missing in Stripe to the other.
 * Whether two conditions exclude each other is seen on the rows themselves, by a check.
 */
export function claimedTwice(configs: readonly Config[]): ConfigIssue[] {
  const seen: { config: Config; resource: Resource }[] = [];
  return configs.flatMap((config) => {
    const issues = config.resources.flatMap((resource) => {
      const other = seen.find((one) => one.config !== config && overlaps(one.resource, resource));
      const table = `${resource.table.schema}.${resource.table.name}`;
      return other
        ? [
            {
              path: `accounts.${config.account.name}.where.${resource.name}`,
              message: `"${other.config.account.name}" reads the same rows of ${table}, and those of the one would look missing in Stripe to the other: give both a condition that says which rows are theirs, or tables of their own`,
            },
          ]
        : [];
    });
    seen.push(...config.resources.map((resource) => ({ config, resource })));
    return issues;
  });
}

const overlaps = (a: Resource, b: Resource): boolean =>
  rowsMayOverlap(a, b) && (a.where === undefined || b.where === undefined || a.where === b.where);

/** Whether two accounts look at the same rows unless their conditions keep them apart. */
export const rowsMayOverlap = (a: Resource, b: Resource): boolean =>
  a.table.schema === b.table.schema &&
  a.table.name === b.table.name &&
  // A row that names its object in another column names nothing to the other account.
  a.match.column === b.match.column;
