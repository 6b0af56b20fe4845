import Link from "next/link";
import type { Resource } from "@/lib/config/resource.ts";
import { impacts } from "@/lib/db/schema.ts";
import type { ResourceSummary } from "@/lib/discrepancies/summary.ts";
import type { RunView } from "@/lib/reconcile/runs.ts";
import { ImpactShape } from "../format/impact-badge.tsx";
import { Stakes } from "../format/stakes.tsx";
import { Time } from "../format/time.tsx";
import { count, impactWords, resourceTitle } from "../format/words.ts";
import { cn } from "../ui/cn.ts";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "../ui/table.tsx";

/** Where the drift is: every mapped table with what is open in it. */
export function ResourceTable({
  mapped,
  found,
  run,
}: {
  mapped: readonly Pick<Resource, "name" | "table" | "stripe">[];
  found: readonly ResourceSummary[];
  /** Says how much was compared. */
  run: RunView | null;
}) {
  const rows = mapped
    .map((resource) => ({
      resource,
      open: found.find((summary) => summary.resource === resource.name),
      compared: run?.resources.find((each) => each.resource === resource.name)?.compared ?? null,
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
        {rows.map(({ resource, open, compared }) => (
          <TableRow key={resource.name} className="relative has-[a:hover]:bg-hover">
            <TableCell className="whitespace-nowrap">
              <Link
                href={`/discrepancies?${new URLSearchParams({ resource: resource.name })}`}
                className="rounded-sm font-medium after:absolute after:inset-0"
              >
                {resourceTitle(resource.name)}
              </Link>
              <span className="ml-2 font-mono text-12 text-ink-3 max-lg:hidden">
                {resource.table.schema}.{resource.table.name}
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

function Figure({ value, strong }: { value: number; strong?: boolean }) {
  return (
    <TableCell
      className={cn("text-right", value === 0 ? "text-ink-3" : strong ? "font-medium text-ink" : "text-ink")}
    >
      {value === 0 ? "–" : count(value)}
    </TableCell>
  );
}
