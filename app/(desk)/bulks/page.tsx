import { ListChecks } from "lucide-react";
import type { Metadata } from "next";
import Link from "next/link";
import { z } from "zod";
import { getDesk } from "@/app/desk.ts";
import { requireActor } from "@/app/session.ts";
import { BulkTable } from "@/components/bulks/bulk-table.tsx";
import { PageHeader } from "@/components/frame/page-header.tsx";
import { Button } from "@/components/ui/button.tsx";
import { EmptyState } from "@/components/ui/empty-state.tsx";
import { listBulks } from "@/lib/fixes/bulk-view.ts";

export const metadata: Metadata = { title: "Actions" };

const pageSize = 50;
const search = z.object({ before: z.coerce.number().int().positive().optional().catch(undefined) });

export default async function BulksPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  await requireActor();
  const { before } = search.parse(await searchParams);
  const desk = await getDesk();
  const found = await listBulks(desk.sql, { limit: pageSize + 1, before });
  const bulks = found.slice(0, pageSize);
  const last = bulks.at(-1);
  return (
    <>
      <PageHeader title="Actions">
        Whatever somebody applied, rejected, put off or undid in one go, newest first. What was applied can be
        undone from its page.
      </PageHeader>
      <div className="border-t border-line">
        {bulks.length > 0 ? (
          <BulkTable bulks={bulks} />
        ) : (
          <EmptyState
            icon={ListChecks}
            title={before ? "No older actions." : "Nothing has been decided yet."}
          >
            {before ? "The list ends here." : "What is decided under Drift stands here from then on."}
          </EmptyState>
        )}
      </div>
      {(before || found.length > pageSize) && (
        <nav aria-label="Pages" className="flex gap-2 border-t border-line px-4 py-3 md:px-6">
          {before && (
            <Button asChild size="sm">
              <Link href="/bulks">Newest</Link>
            </Button>
          )}
          {found.length > pageSize && last && (
            <Button asChild size="sm">
              <Link href={`/bulks?before=${last.id}`}>Older actions</Link>
            </Button>
          )}
        </nav>
      )}
    </>
  );
}
