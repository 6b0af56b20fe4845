import { ArrowLeft } from "lucide-react";
import type { Metadata } from "next";
import Link from "next/link";
import { notFound } from "next/navigation";
import { z } from "zod";
import { stopRun } from "@/app/(desk)/runs/actions.ts";
import { getDesk } from "@/app/desk.ts";
import { requireActor } from "@/app/session.ts";
import { PageHeader } from "@/components/frame/page-header.tsx";
import { CompareButtons } from "@/components/quick-fix/compare-buttons.tsx";
import { Compared } from "@/components/quick-fix/compared.tsx";
import { ExportTime } from "@/components/quick-fix/export-time.tsx";
import { ImportFacts } from "@/components/quick-fix/import-facts.tsx";
import { ProblemTable } from "@/components/quick-fix/lines.tsx";
import { RunProgress } from "@/components/runs/run-progress.tsx";
import { StopButton } from "@/components/runs/stop-button.tsx";
import { Button } from "@/components/ui/button.tsx";
import { Notice } from "@/components/ui/notice.tsx";
import { PageLinks } from "@/components/ui/page-links.tsx";
import { can } from "@/lib/auth/permissions.ts";
import { underWayStates } from "@/lib/db/schema.ts";
import { differencesOf, findingsOf, getImport, problemsOf } from "@/lib/quick-fix/imports.ts";
import { getRun } from "@/lib/reconcile/runs.ts";
import { compareImportAction, correctExportTimeAction } from "../actions.ts";

type Params = Promise<{ id: string }>;

const pageSize = 100;
const number = z.coerce.number().int().positive();
const search = z.object({ after: number.optional().catch(undefined) });

export async function generateMetadata({ params }: { params: Params }): Promise<Metadata> {
  return { title: `Quick fix ${(await params).id}` };
}

export default async function ImportPage({
  params,
  searchParams,
}: {
  params: Params;
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const actor = await requireActor();
  const id = number.safeParse((await params).id);
  const { after } = search.parse(await searchParams);
  const desk = await getDesk();
  const found = id.success ? await getImport(desk.sql, id.data) : null;
  if (!found) notFound();
  const [problems, run, findings, differences] = await Promise.all([
    problemsOf(desk.sql, found.id, { after, limit: pageSize + 1 }),
    found.runId === null ? null : getRun(desk.sql, found.runId),
    findingsOf(desk.sql, found, pageSize),
    differencesOf(desk.sql, found.id),
  ]);
  const going = run !== null && underWayStates.includes(run.state);
  const list = found.kind === "list";
  return (
    <>
      <PageHeader
        title={<span className="break-words">{found.fileName ?? "Pasted list"}</span>}
        actions={
          found.state === "read" &&
          !going &&
          found.lines > 0 &&
          can(actor.role, "run") && (
            <CompareButtons id={found.id} list={list} compared={run !== null} compare={compareImportAction} />
          )
        }
      >
        <Link
          href="/quick-fix"
          className="inline-flex items-center gap-1 rounded-sm text-ink-3 hover:text-ink"
        >
          <ArrowLeft aria-hidden className="size-3.5" />
          All files
        </Link>
      </PageHeader>
      <div className="flex flex-col gap-3 px-4 pb-5 empty:hidden md:px-6">
        {found.state === "failed" && (
          <Notice level="problem" title="This could not be read. Nothing of it was kept.">
            {found.message}
          </Notice>
        )}
        {found.state === "reading" && (
          <Notice level="info" title="It is being read.">
            Load this page again to see how far it is.
          </Notice>
        )}
        {going && (
          <RunProgress
            key={run.id}
            run={run}
            action={can(actor.role, "run") && <StopButton id={run.id} stopRun={stopRun} />}
          />
        )}
      </div>
      {run && !going && (
        <Compared id={found.id} run={run} differences={differences} findings={findings} list={list} />
      )}
      {found.state === "read" && (
        <ImportFacts
          found={found}
          exportTime={
            found.runId === null &&
            can(actor.role, "import") && (
              <ExportTime id={found.id} at={found.exportedAt} correct={correctExportTimeAction} />
            )
          }
        />
      )}
      {found.problems > 0 && (
        <section aria-labelledby="not-read" className="border-t border-line">
          <div className="flex flex-wrap items-center justify-between gap-2 px-4 py-4 md:px-6">
            <h2 id="not-read" className="text-14 font-semibold">
              What could not be read
            </h2>
            <Button asChild size="sm">
              <a href={`/api/imports/${found.id}/problems`} download>
                Download as CSV
              </a>
            </Button>
          </div>
          <ProblemTable problems={problems.slice(0, pageSize)} unit={list ? "Entry" : "Line"} />
          <PageLinks
            back={after ? { href: `/quick-fix/${found.id}`, name: "First" } : null}
            on={
              problems.length > pageSize
                ? { href: `/quick-fix/${found.id}?after=${problems[pageSize - 1]?.line}`, name: "More" }
                : null
            }
            className="border-t-0"
          />
        </section>
      )}
    </>
  );
}
