import Link from "next/link";
import type { MappedTables } from "@/lib/accounts/known.ts";
import { impacts } from "@/lib/db/schema.ts";
import type { ResourceSummary } from "@/lib/discrepancies/summary.ts";
import type { RunView } from "@/lib/reconcile/runs.ts";
import { ImpactShape } from "../format/impact-badge.tsx";
import { Stakes } from "../format/stakes.tsx";
import { Time } from "../format/time.tsx";
import { count, impactWords, resourceTitle } from "../format/words.ts";
import { withAccount } from "../frame/with-account.ts";
import { cn } from "../ui/cn.ts";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "../ui/table.tsx";

/** Where the drift is: every mapped table with what is open in it. */
export function ResourceTable({
  mapped,
  found,
  full,
  account,
}: {
  mapped: readonly MappedTables[];
  found: readonly ResourceSummary[];
  /** The runs that last read everything, one for each account: they say how much there is. */
  full: readonly RunView[];
  account?: string | undefined;
}) {
  const rows = mapped
    .map(({ resource, tables }) => ({
      resource,
      tables,
      open: found.find((summary) => summary.resource === resource),
      compared: comparedIn(resource, full),
    }))
    .sort((a, b) => (b.open?.rows ?? 0) - (a.open?.rows ?? 0));
  return (
    <Table label="By resource">
      <TableHeader>
        <TableRow>
          <TableHead>Resource</TableHead>
          <TableHead className="text-right">Open</TableHead>
          {impacts.map((impact) => (
            <TableHead key={impact} className="text-right">
              <span className="inline-flex items-center gap-1.5" title={impactWords[impact].meaning}>
                <ImpactShape impact={impact} className="size-2" />
                {impactWords[impact].short}
              </span>
            </TableHead>
          ))}
          <TableHead className="text-right">At stake</TableHead>
          <TableHead className="text-right">Oldest</TableHead>
          <TableHead className="text-right">Compared</TableHead>
        </TableRow>
      </TableHeader>
      <TableBody>
        {rows.map(({ resource, tables, open, compared }) => (
          <TableRow key={resource} className="relative has-[a:hover]:bg-hover">
            <TableCell className="whitespace-nowrap">
              <Link
                href={withAccount(`/discrepancies?${new URLSearchParams({ resource })}`, account)}
                className="rounded-sm font-medium after:absolute after:inset-0"
              >
                {resourceTitle(resource)}
              </Link>
              <span className="ml-2 font-mono text-12 text-ink-3 max-lg:hidden">
                {tables.length === 1 ? (
                  tables[0]
                ) : (
                  <span title={tables.join(", ")}>{tables.length} tables</span>
                )}
              </span>
            </TableCell>
            <Figure value={open?.rows ?? 0} strong />
            {impacts.map((impact) => (
              <Figure key={impact} value={open?.byImpact[impact] ?? 0} />
            ))}
            <TableCell className="text-right whitespace-nowrap text-ink-2">
              {open && <Stakes stakes={open.stakes.slice(0, 2)} />}
            </TableCell>
            <TableCell className="relative text-right text-ink-2">
              {open && <Time at={open.oldestAt} style="age" tabStop={false} />}
            </TableCell>
            <TableCell className="text-right text-ink-3">
              {compared === null ? "–" : count(compared)}
            </TableCell>
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}

function comparedIn(resource: string, full: readonly RunView[]): number | null {
  const compared = full.flatMap(
    (run) => run.resources.find((each) => each.resource === resource)?.compared ?? [],
  );
  return compared.length === 0 ? null : compared.reduce((sum, one) => sum + one, 0);
}

function Figure({ value, strong }: { value: number; strong?: boolean }) {
  return (
    <TableCell
      className={cn("text-right", value === 0 ? "text-ink-3" : strong ? "font-medium text-ink" : "text-ink")}
    >
      {value === 0 ? "–" : count(value)}
    </TableCell>
  );
}
