import { FileSpreadsheet } from "lucide-react";
import type { Metadata } from "next";
import Link from "next/link";
import { z } from "zod";
import { currentAccounts } from "@/app/(desk)/runs/recent.ts";
import { getDesk } from "@/app/desk.ts";
import { requireActor } from "@/app/session.ts";
import { PageHeader } from "@/components/frame/page-header.tsx";
import { BringForm } from "@/components/quick-fix/bring-form.tsx";
import { ImportTable } from "@/components/quick-fix/import-table.tsx";
import { EmptyState } from "@/components/ui/empty-state.tsx";
import { Notice } from "@/components/ui/notice.tsx";
import { PageLinks } from "@/components/ui/page-links.tsx";
import { can } from "@/lib/auth/permissions.ts";
import { listImports } from "@/lib/quick-fix/imports.ts";

export const metadata: Metadata = { title: "Quick fix" };

const pageSize = 30;
const search = z.object({ before: z.coerce.number().int().positive().optional().catch(undefined) });

export default async function QuickFixPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const actor = await requireActor();
  const { before } = search.parse(await searchParams);
  const [desk, accounts] = await Promise.all([getDesk(), currentAccounts()]);
  const found = await listImports(desk.sql, { limit: pageSize + 1, before });
  const imports = found.slice(0, pageSize);
  const last = imports.at(-1);
  return (
    <>
      <PageHeader title="Correct records from a file">
        For when Stripe or its key cannot be reached: bring what Stripe's Dashboard exported, see what
        differs, then decide. Nothing is written before somebody does.{" "}
        <Link href="/choose" className="link rounded-sm">
          Is this the way for you?
        </Link>
      </PageHeader>
      {can(actor.role, "import") ? (
        <BringForm accounts={accounts.flatMap(({ name }) => name ?? [])} />
      ) : (
        <div className="px-4 pb-6 md:px-6">
          <Notice level="info" title="Files are brought by people with the role finance or admin.">
            What they brought stands below, and its differences under Drift.
          </Notice>
        </div>
      )}
      <div className="border-t border-line">
        {imports.length > 0 ? (
          <ImportTable imports={imports} />
        ) : (
          <EmptyState
            icon={FileSpreadsheet}
            title={before ? "Nothing older." : "Nobody has brought a file yet."}
          >
            {before
              ? "The list ends here."
              : "In Stripe's Dashboard, open Subscriptions, Customers, Payments or Payouts, choose Export, all columns and UTC. Each file that is brought stands here from then on."}
          </EmptyState>
        )}
      </div>
      <PageLinks
        back={before ? { href: "/quick-fix", name: "Newest" } : null}
        on={found.length > pageSize && last ? { href: `/quick-fix?before=${last.id}`, name: "Older" } : null}
      />
    </>
  );
}
