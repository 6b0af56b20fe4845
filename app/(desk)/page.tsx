import { ArrowRight, CircleCheck, Telescope } from "lucide-react";
import type { Metadata } from "next";
import Link from "next/link";
import { createLoader, parseAsString, type SearchParams } from "nuqs/server";
import { getDesk } from "@/app/desk.ts";
import { requireActor } from "@/app/session.ts";
import { count, plural } from "@/components/format/words.ts";
import { RunButton } from "@/components/frame/run-button.tsx";
import { withAccount } from "@/components/frame/with-account.ts";
import { DriftChart } from "@/components/overview/drift-chart.tsx";
import { ImpactTiles } from "@/components/overview/impact-tiles.tsx";
import { LatestRuns } from "@/components/overview/latest-runs.tsx";
import { PipelineStrip } from "@/components/overview/pipeline-strip.tsx";
import { ResourceTable } from "@/components/overview/resource-table.tsx";
import { Compared } from "@/components/runs/compared.tsx";
import { HeldBackNotice } from "@/components/runs/held-back-notice.tsx";
import { RunNotice } from "@/components/runs/run-notice.tsx";
import { RunProgress } from "@/components/runs/run-progress.tsx";
import { Card, CardHeader, CardTitle } from "@/components/ui/card.tsx";
import { EmptyState } from "@/components/ui/empty-state.tsx";
import { tablesOf } from "@/lib/accounts/known.ts";
import { can } from "@/lib/auth/permissions.ts";
import { pipelineHealth } from "@/lib/diagnose/pipeline-health.ts";
import { driftByDay, type Summary, summarise } from "@/lib/discrepancies/summary.ts";
import { countWaiting } from "@/lib/fixes/second-person.ts";
import { listRuns } from "@/lib/reconcile/runs.ts";
import { runNow } from "./runs/actions.ts";
import { inView } from "./runs/recent.ts";

export const metadata: Metadata = { title: "Overview" };

const chartDays = 30;
const loadAccount = createLoader({ account: parseAsString });

export default async function OverviewPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const actor = await requireActor();
  const desk = await getDesk();
  const now = desk.now();
  const { account: asked } = await loadAccount(searchParams);
  const { id: account, of, runs } = await inView(asked);
  const [summary, days, waiting, latest, pipelines] = await Promise.all([
    summarise(desk.sql, now, account),
    driftByDay(desk.sql, now, chartDays, account),
    countWaiting(desk, actor),
    listRuns(desk.sql, { limit: 6, of, whole: true }),
    pipelineHealth(desk, account),
  ]);
  const runButton = (
    <RunButton
      runNow={runNow}
      runningIds={runs.flatMap(({ underWay }) => underWay?.id ?? [])}
      allowed={can(actor.role, "run")}
      label="Run now"
      variant="primary"
    />
  );
  const answers = runs.flatMap(({ lastAnswer }) => lastAnswer ?? []);
  const known = answers.length === runs.length && answers.length > 0;
  if (runs.length > 0 && runs.every(({ lastEnded, underWay }) => !lastEnded && !underWay))
    return (
      <EmptyState
        icon={Telescope}
        title="Nothing has been compared yet."
        action={can(actor.role, "run") && runButton}
        className="py-32"
      >
        The first run reads every mapped table and the Stripe objects behind it, and shows where they
        disagree. It changes nothing on either side.
        {!can(actor.role, "run") && " Somebody with the role support, finance or admin can start it."}
      </EmptyState>
    );
  return (
    <div className="flex flex-col gap-6 px-4 py-6 md:px-6">
      <header className="flex flex-wrap items-end justify-between gap-x-6 gap-y-2">
        <div>
          <h1 className="text-28 font-semibold">{headline(summary, known)}</h1>
          <p className="mt-1 text-13 text-ink-2">
            <Compared runs={runs} />
            {summary.rows > 0 && ` ${plural(summary.rows, "difference is", "differences are")} open.`}
          </p>
        </div>
        {(waiting.forMe > 0 || waiting.mine > 0) && (
          <Link
            href={withAccount("/discrepancies?state=waiting", account)}
            className="inline-flex min-h-8 items-center gap-1.5 rounded-md border border-line-strong px-3 py-1 text-13 font-medium shadow-low hover:bg-hover"
          >
            {[
              waiting.forMe > 0 && `${plural(waiting.forMe, "approval waits", "approvals wait")} for you`,
              waiting.mine > 0 &&
                `${count(waiting.mine)} of yours ${waiting.mine === 1 ? "waits" : "wait"} for somebody else`,
            ]
              .filter(Boolean)
              .join(" · ")}
            <ArrowRight aria-hidden className="size-4 shrink-0 text-ink-3" />
          </Link>
        )}
      </header>
      {runs.map(
        ({ underWay, lastEnded, lastAnswer }) =>
          (underWay && <RunProgress key={underWay.id} run={underWay} />) ??
          (lastEnded && lastEnded.state !== "succeeded" && (
            <RunNotice
              key={lastEnded.id}
              run={lastEnded}
              numbersFrom={lastAnswer}
              action={can(actor.role, "run") && runButton}
            />
          )),
      )}
      {runs.map(
        ({ underWay, lastEnded }) =>
          !underWay && lastEnded && <HeldBackNotice key={lastEnded.id} run={lastEnded} />,
      )}
      {summary.rows === 0 && known ? (
        <Card>
          <EmptyState icon={CircleCheck} title="Both sides agree.">
            Every record that was compared says what Stripe says. New differences appear here after the next
            run.
          </EmptyState>
        </Card>
      ) : (
        <ImpactTiles summary={summary} account={account} />
      )}
      {pipelines.length > 0 && <PipelineStrip pipelines={pipelines} account={account} />}
      <Card className="overflow-hidden">
        <CardHeader>
          <CardTitle>By resource</CardTitle>
        </CardHeader>
        <ResourceTable
          mapped={tablesOf(desk, account === undefined ? undefined : of?.name)}
          found={summary.resources}
          full={runs.flatMap(({ lastFull }) => lastFull ?? [])}
          account={account}
        />
      </Card>
      <div className="grid items-start gap-6 xl:grid-cols-[minmax(0,1.6fr)_minmax(0,1fr)]">
        <Card>
          <CardHeader>
            <CardTitle>Found and settled, {chartDays} days</CardTitle>
          </CardHeader>
          <DriftChart days={days} />
        </Card>
        <Card>
          <CardHeader>
            <CardTitle>Latest runs</CardTitle>
            <Link
              href={withAccount("/runs", account)}
              className="rounded-sm text-12 text-ink-3 hover:text-ink"
            >
              All runs
            </Link>
          </CardHeader>
          <LatestRuns runs={latest} />
        </Card>
      </div>
    </div>
  );
}

/** The answer first: is anybody hurt right now? */
function headline(summary: Summary, known: boolean): string {
  if (summary.affectedCustomers > 0)
    return `${plural(summary.affectedCustomers, "customer is", "customers are")} affected.`;
  // What one account has not been asked about may be the worst of all.
  if (!known) return "Not known yet.";
  return summary.rows > 0 ? "Nobody is locked out or let in by mistake." : "Nothing differs.";
}
