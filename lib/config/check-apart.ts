// Several accounts beside each other: is each a Stripe account of its own, and does each row belong to one of them?
import type { Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { quoteTable } from "../local/catalog.ts";
import { rowsMayOverlap } from "./accounts.ts";
import type { Finding } from "./check.ts";
import type { Resource } from "./resource.ts";

export async function checkApart(desks: readonly Desk[]): Promise<Finding[]> {
  return [...(await checkNames(desks)), ...(await checkRows(desks))];
}

async function checkNames(desks: readonly Desk[]): Promise<Finding[]> {
  const ids = await Promise.all(
    desks.map(({ stripe }) =>
      stripe.account().then(
        ({ id }) => id,
        (error: unknown) => {
          // What is wrong with the key stands among its account's own findings.
          if (error instanceof DriftdeskError) return null;
          throw error;
        },
      ),
    ),
  );
  return desks.flatMap(({ config: { account } }, n): Finding[] => {
    const other = ids[n] === null ? -1 : ids.indexOf(ids[n] ?? null);
    if (other === n || other < 0) return [];
    return [
      {
        level: "error",
        where: `accounts.${account.name}.key`,
        code: "account_twice",
        message: `${account.key} belongs to ${ids[n]}, as the key of "${desks[other]?.config.account.name}" does: one Stripe account has one name`,
        remedy: `set the key of "${account.name}", or remove one of the two`,
      },
    ];
  });
}

/** Rows that meet the conditions of two accounts: each of them would look missing in Stripe to one of the two. */
async function checkRows(desks: readonly Desk[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [n, desk] of desks.entries())
    for (const other of desks.slice(0, n))
      for (const resource of desk.config.resources)
        for (const beside of other.config.resources.filter((one) => rowsMayOverlap(one, resource))) {
          const shared = await countShared(desk, resource, beside);
          const { schema, name } = resource.table;
          if (shared > 0)
            findings.push({
              level: "error",
              where: `accounts.${desk.config.account.name}.where.${resource.name}`,
              code: "claimed_twice",
              message: `${shared} rows of ${schema}.${name} are those of "${other.config.account.name}" as well: they would look missing in Stripe to one of the two`,
              remedy: "write conditions that no row meets both of",
            });
        }
  return findings;
}

async function countShared({ local }: Desk, resource: Resource, beside: Resource): Promise<number> {
  // A condition that Postgres does not take is told of its own resource.
  const rows = await local
    .unsafe<{ count: number }[]>(
      `SELECT count(*)::int AS count FROM ${quoteTable(resource.table)} t
       WHERE (${resource.where ?? "true"}\n) AND (${beside.where ?? "true"}\n)`,
    )
    .catch(() => []);
  return rows[0]?.count ?? 0;
}
