import { ArrowLeft, ArrowLeftRight, ScrollText } from "lucide-react";
import type { Metadata } from "next";
import Link from "next/link";
import { notFound } from "next/navigation";
import { z } from "zod";
import { getDesk } from "@/app/desk.ts";
import { requireActor } from "@/app/session.ts";
import { PageHeader } from "@/components/frame/page-header.tsx";
import { withAccount } from "@/components/frame/with-account.ts";
import { figuresOf } from "@/components/runs/figures.ts";
import { HeldBackNotice } from "@/components/runs/held-back-notice.tsx";
import { RunFacts } from "@/components/runs/run-facts.tsx";
import { RunNotice } from "@/components/runs/run-notice.tsx";
import { RunProgress } from "@/components/runs/run-progress.tsx";
import { RunResources } from "@/components/runs/run-resources.tsx";
import { RunState } from "@/components/runs/run-state.tsx";
import { StopButton } from "@/components/runs/stop-button.tsx";
import { Button } from "@/components/ui/button.tsx";
import { Notice } from "@/components/ui/notice.tsx";
import { can } from "@/lib/auth/permissions.ts";
import { getRun } from "@/lib/reconcile/runs.ts";
import { stopRun } from "../actions.ts";

type Params = Promise<{ id: string }>;

export async function generateMetadata({ params }: { params: Params }): Promise<Metadata> {
  return { title: `Run ${(await params).id}` };
}

export default async function RunPage({ params }: { params: Params }) {
  const actor = await requireActor();
  const id = z.coerce
    .number()
    .int()
    .positive()
    .safeParse((await params).id);
  const desk = await getDesk();
  const run = id.success ? await getRun(desk.sql, id.data) : null;
  if (!run) notFound();
  const ended = run.state !== "queued" && run.state !== "running";
  const { found } = figuresOf(run);
  return (
    <>
      <PageHeader
        title={
          <span className="flex flex-wrap items-center gap-x-3">
            Run {run.id}
            {/* While it goes on, the panel below says so, and changes with it. */}
            {ended && <RunState state={run.state} className="text-13 font-medium" />}
          </span>
        }
        actions={
          ended && (
            <>
              <Button asChild>
                <Link href={`/audit?run=${run.id}`}>
                  <ScrollText aria-hidden />
                  Its history
                </Link>
              </Button>
              {found > 0 && (
                <Button asChild>
                  <Link href={withAccount("/discrepancies", run.accountName === null ? null : run.accountId)}>
                    <ArrowLeftRight aria-hidden />
                    Open differences
                  </Link>
                </Button>
              )}
            </>
          )
        }
      >
        <Link href="/runs" className="inline-flex items-center gap-1 rounded-sm text-ink-3 hover:text-ink">
          <ArrowLeft aria-hidden className="size-3.5" />
          All runs
        </Link>
      </PageHeader>
      {ended ? (
        <>
          <div className="flex flex-col gap-3 px-4 pb-5 empty:hidden md:px-6">
            <RunNotice run={run} />
            <HeldBackNotice run={run} />
            {run.state === "succeeded" && run.message && <Notice level="info" title={run.message} />}
            {run.state === "cancelled" && (
              <Notice level="info" title={run.message ?? "The run was stopped."}>
                What it had recorded by then stays.
              </Notice>
            )}
          </div>
          <RunFacts run={run} now={desk.now()} />
          {run.resources.length > 0 && <RunResources run={run} />}
        </>
      ) : (
        <div className="px-4 pb-6 md:px-6">
          <RunProgress
            key={run.id}
            run={run}
            action={can(actor.role, "run") && <StopButton id={run.id} stopRun={stopRun} />}
          />
        </div>
      )}
    </>
  );
}
