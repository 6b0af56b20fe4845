import { Download, ListChecks, ScrollText, Stamp } from "lucide-react";
import type { Metadata } from "next";
import Link from "next/link";
import type { SearchParams } from "nuqs/server";
import { getDesk } from "@/app/desk.ts";
import { requireActor } from "@/app/session.ts";
import { actionWords } from "@/components/audit/action-words.ts";
import { Entries } from "@/components/audit/entries.tsx";
import { FilterForm } from "@/components/audit/filter-form.tsx";
import { Pages } from "@/components/audit/pages.tsx";
import {
  auditFilterOf,
  isAuditFiltered,
  loadAuditParams,
  serializeAuditParams,
} from "@/components/audit/search-params.ts";
import { Verify } from "@/components/audit/verify-button.tsx";
import { actorWords, resourceTitle } from "@/components/format/words.ts";
import { PageHeader } from "@/components/frame/page-header.tsx";
import { Button } from "@/components/ui/button.tsx";
import { EmptyState } from "@/components/ui/empty-state.tsx";
import { tablesOf } from "@/lib/accounts/known.ts";
import { auditActors } from "@/lib/audit/list.ts";
import { readAudit } from "@/lib/audit/read.ts";
import { auditActions } from "@/lib/audit/sentence.ts";
import { can } from "@/lib/auth/permissions.ts";
import { verifyAction } from "./actions.ts";

export const metadata: Metadata = { title: "Audit" };

const pageSize = 50;

export default async function Page({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const actor = await requireActor();
  const params = await loadAuditParams(searchParams);
  const desk = await getDesk();
  const { sql } = desk;
  const [page, people] = await Promise.all([
    readAudit(sql, auditFilterOf(params), {
      limit: pageSize,
      before: params.before ?? undefined,
      after: params.after ?? undefined,
    }),
    auditActors(sql),
  ]);
  const filtered = isAuditFiltered(params);
  const about = [
    params.discrepancy !== null && "one difference",
    params.run !== null && `run ${params.run}`,
    params.bulk !== null && `bulk ${params.bulk}`,
    params.customer && `the customer ${params.customer}`,
  ].filter(Boolean);
  const exported = (format: string) => {
    const query = new URLSearchParams(serializeAuditParams({ ...params, before: null, after: null }));
    query.set("format", format);
    return `/api/audit/export?${query}`;
  };
  return (
    <>
      <PageHeader
        title={about.length > 0 ? `History of ${about.join(", ")}` : "Who changed what"}
        actions={
          <Button asChild>
            <Link href={params.bulk === null ? "/bulks" : `/bulks/${params.bulk}`}>
              <ListChecks aria-hidden />
              {params.bulk === null ? "Actions so far" : `Bulk ${params.bulk} and its results`}
            </Link>
          </Button>
        }
      >
        Every detection, decision, correction, export and sign-in, newest first. Nobody can change it unseen.
      </PageHeader>
      <Verify verify={verifyAction}>
        {can(actor.role, "export") ? (
          (["csv", "jsonl"] as const).map((format) => (
            <Button key={format} asChild>
              <a href={exported(format)} download>
                <Download aria-hidden />
                {filtered ? "Export these as" : "Export all as"} {format.toUpperCase()}
              </a>
            </Button>
          ))
        ) : (
          <p className="text-12 text-ink-3">Finance and admin can export the history.</p>
        )}
        {desk.environment.auditSigningKey !== undefined && (
          <Button asChild variant="quiet">
            <a href="/api/audit/checkpoint" download>
              <Stamp aria-hidden />
              Download a checkpoint
            </a>
          </Button>
        )}
      </Verify>
      <FilterForm
        params={params}
        filtered={filtered}
        people={people.map((email) => ({
          value: email,
          label: email === "policy" ? "The policy" : actorWords(email),
        }))}
        actions={auditActions.map((action) => ({ value: action, label: actionWords[action] }))}
        resources={tablesOf(desk).map(({ resource }) => ({
          value: resource,
          label: resourceTitle(resource),
        }))}
      />
      {page.entries.length > 0 && <Entries entries={page.entries} />}
      {page.entries.length === 0 && page.reached === null && (
        <div className="border-t border-line">
          <EmptyState
            icon={ScrollText}
            title={filtered ? "Nothing in the history fits this." : "The history begins with the first run."}
            action={
              filtered && (
                <Button asChild>
                  <Link href="/audit">Show everything</Link>
                </Button>
              )
            }
          >
            {filtered ? "Take something away from the filter." : "Whatever happens from then on stands here."}
          </EmptyState>
        </div>
      )}
      <Pages params={params} page={page} />
    </>
  );
}
