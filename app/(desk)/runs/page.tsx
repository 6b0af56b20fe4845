import { Workflow } from "lucide-react";
import type { Metadata } from "next";
import { z } from "zod";
import { getDesk } from "@/app/desk.ts";
import { requireActor } from "@/app/session.ts";
import { PageHeader } from "@/components/frame/page-header.tsx";
import { RunButton } from "@/components/frame/run-button.tsx";
import { withAccount } from "@/components/frame/with-account.ts";
import { RunTable } from "@/components/runs/run-table.tsx";
import { NextRuns } from "@/components/schedules/next-runs.tsx";
import { EmptyState } from "@/components/ui/empty-state.tsx";
import { PageLinks } from "@/components/ui/page-links.tsx";
import { can } from "@/lib/auth/permissions.ts";
import { listSchedules } from "@/lib/jobs/schedules.ts";
import { listRuns } from "@/lib/reconcile/runs.ts";
import { runNow } from "./actions.ts";
import { inView } from "./recent.ts";

export const metadata: Metadata = { title: "Runs" };

const pageSize = 50;
const search = z.object({
  before: z.coerce.number().int().positive().optional().catch(undefined),
  account: z.string().max(100).optional().catch(undefined),
});

export default async function RunsPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const actor = await requireActor();
  const { before, account: asked } = search.parse(await searchParams);
  const desk = await getDesk();
  const { id: account, of, runs: recent } = await inView(asked);
  const found = await listRuns(desk.sql, { limit: pageSize + 1, before, of });
  const runs = found.slice(0, pageSize);
  const last = runs.at(-1);
  const schedules = (await listSchedules(desk)).filter(
    ({ accountName }) => of === undefined || accountName === of.name,
  );
  const button = (
    <RunButton
      runNow={runNow}
      runningIds={recent.flatMap(({ underWay }) => underWay?.id ?? [])}
      allowed={can(actor.role, "run")}
      label="Run now"
      variant="primary"
    />
  );
  return (
    <>
      <PageHeader title="Runs" actions={button}>
        Each run reads both sides and compares them. It changes nothing in Stripe.
      </PageHeader>
      {!before && <NextRuns schedules={schedules} />}
      <div className="border-t border-line">
        {runs.length > 0 ? (
          <RunTable runs={runs} now={desk.now()} account={account} />
        ) : (
          <EmptyState icon={Workflow} title={before ? "No older runs." : "No run yet."}>
            {before ? "The list ends here." : "Start one to see where your records and Stripe disagree."}
          </EmptyState>
        )}
      </div>
      <PageLinks
        back={before ? { href: withAccount("/runs", account), name: "Newest" } : null}
        on={
          found.length > pageSize && last
            ? { href: withAccount(`/runs?before=${last.id}`, account), name: "Older runs" }
            : null
        }
      />
    </>
  );
}
