import { ListChecks } from "lucide-react";
import type { Metadata } from "next";
import { z } from "zod";
import { getDesk } from "@/app/desk.ts";
import { requireActor } from "@/app/session.ts";
import { BulkTable } from "@/components/bulks/bulk-table.tsx";
import { PageHeader } from "@/components/frame/page-header.tsx";
import { EmptyState } from "@/components/ui/empty-state.tsx";
import { PageLinks } from "@/components/ui/page-links.tsx";
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
      <PageLinks
        back={before ? { href: "/bulks", name: "Newest" } : null}
        on={
          found.length > pageSize && last ? { href: `/bulks?before=${last.id}`, name: "Older actions" } : null
        }
      />
    </>
  );
}
