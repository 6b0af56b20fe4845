import Link from "next/link";
import type { RunView } from "@/lib/reconcile/runs.ts";
import { Time } from "../format/time.tsx";
import { plural, resourceTitle, stepWords } from "../format/words.ts";
import { withAccount } from "../frame/with-account.ts";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "../ui/table.tsx";
import { foundIn } from "./figures.ts";
import { Corrected, Figure } from "./run-table.tsx";

/** What a run did with each resource. */
export function RunResources({ run }: { run: RunView }) {
  return (
    <Table label="By resource" edge="page">
      <TableHeader>
        <TableRow>
          <TableHead>Resource</TableHead>
          <TableHead>State</TableHead>
          <TableHead className="text-right">Stripe objects</TableHead>
          <TableHead className="text-right">Local rows</TableHead>
          <TableHead className="text-right">Compared</TableHead>
          <TableHead className="text-right">Differ</TableHead>
          <TableHead className="text-right">No local record</TableHead>
          <TableHead className="text-right">Not in Stripe</TableHead>
          <TableHead className="text-right">Duplicate</TableHead>
          <TableHead className="text-right">Row errors</TableHead>
          <TableHead className="text-right">Corrected</TableHead>
        </TableRow>
      </TableHeader>
      <TableBody>
        {run.resources.map((resource) => (
          <TableRow key={resource.resource} className="align-top">
            <TableCell className="whitespace-nowrap">
              {foundIn(resource) > 0 ? (
                <Link
                  href={withAccount(
                    `/discrepancies?${new URLSearchParams({ resource: resource.resource })}`,
                    run.accountName === null ? null : run.accountId,
                  )}
                  className="link rounded-sm font-medium"
                >
                  {resourceTitle(resource.resource)}
                </Link>
              ) : (
                <span className="font-medium">{resourceTitle(resource.resource)}</span>
              )}
            </TableCell>
            <TableCell className="text-ink-2">
              {stepWords[resource.state]}
              {resource.message && (
                <p className="max-w-80 pb-2 text-12 text-pretty text-ink-3">{resource.message}</p>
              )}
              {resource.settledReadAt && (
                <p className="max-w-80 pb-2 text-12 text-pretty text-ink-3">
                  {plural(resource.settled, "settled object")} not read again: what stands for them is what
                  Stripe said when they were last read, the oldest <Time at={resource.settledReadAt} />.
                </p>
              )}
            </TableCell>
            <Figure value={resource.objects + resource.settled} />
            <Figure value={resource.localRows} />
            <Figure value={resource.compared} />
            <Figure value={resource.mismatch} strong />
            <Figure value={resource.missingLocal} strong />
            <Figure value={resource.missingInStripe} strong />
            <Figure value={resource.duplicate} strong />
            <Figure value={resource.rowErrors} strong />
            <Corrected fixed={resource.fixed} heldBack={resource.heldBack !== null} />
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}
