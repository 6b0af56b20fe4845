import { ArrowLeft, Download, ScrollText } from "lucide-react";
import type { Metadata } from "next";
import Link from "next/link";
import { notFound } from "next/navigation";
import { z } from "zod";
import { getDesk } from "@/app/desk.ts";
import { requireActor } from "@/app/session.ts";
import { BulkFacts } from "@/components/bulks/bulk-facts.tsx";
import { BulkLive } from "@/components/bulks/bulk-live.tsx";
import { BulkResults } from "@/components/bulks/bulk-results.tsx";
import { BulkState } from "@/components/bulks/bulk-state.tsx";
import { whatWords } from "@/components/bulks/bulk-words.ts";
import { UndoButton } from "@/components/bulks/undo-button.tsx";
import type { Rights } from "@/components/discrepancies/contract.ts";
import { WaitingBulks } from "@/components/discrepancies/waiting-bulks.tsx";
import { count } from "@/components/format/words.ts";
import { PageHeader } from "@/components/frame/page-header.tsx";
import { Button } from "@/components/ui/button.tsx";
import { Notice } from "@/components/ui/notice.tsx";
import { can } from "@/lib/auth/permissions.ts";
import { waitingForSecond } from "@/lib/discrepancies/waiting.ts";
import { listResults, resultOutcomes } from "@/lib/fixes/bulk-results.ts";
import { type BulkDetails, bulkDetails } from "@/lib/fixes/bulk-view.ts";
import { driftActions, rightsOf } from "../../discrepancies/drift-actions.ts";

type Params = Promise<{ id: string }>;

export async function generateMetadata({ params }: { params: Params }): Promise<Metadata> {
  return { title: `Bulk ${(await params).id}` };
}

const pageSize = 50;
const idSchema = z.coerce.number().int().positive();
const search = z.object({
  outcome: z.enum(resultOutcomes).optional().catch(undefined),
  after: idSchema.optional().catch(undefined),
});

export default async function BulkPage({
  params,
  searchParams,
}: {
  params: Params;
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const actor = await requireActor();
  const desk = await getDesk();
  const id = idSchema.safeParse((await params).id);
  const bulk = id.success ? await bulkDetails(desk.sql, id.data) : null;
  if (!bulk) notFound();
  const { outcome, after } = search.parse(await searchParams);
  const [page, waiting] = await Promise.all([
    listResults(desk.sql, bulk.id, { limit: pageSize, outcome, after }),
    bulk.state === "waiting" ? waitingForSecond(desk, actor, { bulk: bulk.id }) : [],
  ]);
  const rights = rightsOf(actor);
  const own = bulk.requestedBy.toLowerCase() === actor.email.toLowerCase();
  return (
    <>
      <PageHeader
        title={
          <span className="flex flex-wrap items-center gap-x-3">
            <span className="wrap-anywhere">{whatWords(bulk)}</span>
            {/* While it goes on, the panel below says so, and changes with it. */}
            {bulk.state !== "running" && <BulkState state={bulk.state} className="text-13 font-medium" />}
          </span>
        }
        actions={
          <>
            <Button asChild>
              <Link href={`/audit?bulk=${bulk.id}`}>
                <ScrollText aria-hidden />
                Its history
              </Link>
            </Button>
            {can(actor.role, "export") && (
              <Button asChild>
                <a href={`/api/bulks/${bulk.id}/export${outcome ? `?outcome=${outcome}` : ""}`} download>
                  <Download aria-hidden />
                  Export {outcome ? "these" : "results"}
                </a>
              </Button>
            )}
            <UndoButton
              undo={{ bulk: bulk.id }}
              subject={bulk.subject}
              actions={driftActions}
              rights={rights}
              offered={mayUndo(bulk, rights)}
            >
              {undoWords(bulk)}
            </UndoButton>
          </>
        }
      >
        <p className="flex items-center gap-1.5 text-ink-3">
          <Link href="/bulks" className="inline-flex items-center gap-1 rounded-sm hover:text-ink">
            <ArrowLeft aria-hidden className="size-3.5" />
            All actions
          </Link>
          <span>· bulk {bulk.id}</span>
        </p>
      </PageHeader>
      <div className="flex flex-col gap-3 px-4 pb-5 empty:hidden md:px-6">
        <WaitingBulks waiting={waiting} actions={driftActions} rights={rights} rowsLink={false} />
        {bulk.state === "running" && (
          <BulkLive
            key={bulk.id}
            report={{ bulk, problems: [] }}
            actions={driftActions}
            mayStop={rights.decide && (own || rights.bulk)}
          />
        )}
        {bulk.message && bulk.state !== "running" && (
          <Notice level={bulk.state === "failed" ? "problem" : "info"} title={bulk.message}>
            {bulk.state === "cancelled" && bulk.applied > 0 && "What was written by then stays."}
          </Notice>
        )}
      </div>
      <BulkFacts bulk={bulk} />
      <BulkResults bulk={bulk} page={page} outcome={outcome} first={after === undefined} />
    </>
  );
}

/** While somebody has asked for it already, nobody asks again. */
const mayUndo = ({ undoable, undoneBy, total }: BulkDetails, rights: Rights): boolean =>
  undoable &&
  rights.decide &&
  (total === 1 || rights.bulk) &&
  !undoneBy.some(({ state }) => state === "waiting" || state === "running");

function undoWords({ undoneBy, total, applied }: BulkDetails): string {
  if (total === 1) return "Undo this correction…";
  return undoneBy.length > 0 ? "Undo the rest…" : `Undo all ${count(applied)}…`;
}
