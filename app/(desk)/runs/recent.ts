import { cache } from "react";
import { getDesk } from "@/app/desk.ts";
import { latestAccount, recentRuns } from "@/lib/reconcile/recent.ts";

/** Frame and page both ask; the database is asked once per request. */
export const currentRuns = cache(async () => recentRuns((await getDesk()).sql));
export const currentAccount = cache(async () => latestAccount((await getDesk()).sql));
