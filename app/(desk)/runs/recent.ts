import { cache } from "react";
import { getDesk } from "@/app/desk.ts";
import { listAccounts } from "@/lib/accounts/list.ts";
import { type RecentRuns, recentRuns } from "@/lib/reconcile/recent.ts";

// Frame and page both ask; the database is asked once per request.
export const currentAccounts = cache(async () => listAccounts(await getDesk()));

/** In the order of the accounts. */
export const currentRuns = cache(async (): Promise<RecentRuns[]> => {
  const { sql } = await getDesk();
  const accounts = await currentAccounts();
  // With one account, whatever ran was about it.
  return accounts.length === 1
    ? [await recentRuns(sql)]
    : Promise.all(accounts.map((account) => recentRuns(sql, account)));
});

/** The account that a page is narrowed to, and the runs that its numbers come from: those of every account otherwise. */
export async function inView(asked: string | null | undefined) {
  const [accounts, runs] = await Promise.all([currentAccounts(), currentRuns()]);
  const id = accounts.length > 1 && asked ? asked : undefined;
  const one = accounts.find((account) => account.id === id);
  return {
    id,
    /** For lists of runs; an account that the config no longer has is known by its id alone. */
    of: id === undefined ? undefined : { name: one?.name ?? null, id },
    runs: id === undefined ? runs : runs.filter((_, n) => accounts[n] === one),
  };
}
