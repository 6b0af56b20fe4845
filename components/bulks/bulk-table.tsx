import Link from "next/link";
import type { BulkView } from "@/lib/fixes/bulk-view.ts";
import { Time } from "../format/time.tsx";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "../ui/table.tsx";
import { BulkState } from "./bulk-state.tsx";
import { resultWords, whatWords } from "./bulk-words.ts";

export function BulkTable({ bulks }: { bulks: readonly BulkView[] }) {
  return (
    <Table label="Actions" edge="page">
      <TableHeader>
        <TableRow>
          <TableHead>What</TableHead>
          <TableHead>State</TableHead>
          <TableHead>Result</TableHead>
          <TableHead>By</TableHead>
          <TableHead>Why</TableHead>
          <TableHead className="text-right">When</TableHead>
        </TableRow>
      </TableHeader>
      <TableBody>
        {bulks.map((bulk) => (
          <TableRow key={bulk.id} className="relative has-[a:hover]:bg-hover">
            <TableCell className="min-w-56 max-w-96">
              <Link
                href={`/bulks/${bulk.id}`}
                className="block truncate rounded-sm font-medium after:absolute after:inset-0"
              >
                {whatWords(bulk)} <span className="font-normal text-ink-3">bulk {bulk.id}</span>
              </Link>
            </TableCell>
            <TableCell>
              <BulkState state={bulk.state} />
            </TableCell>
            <TableCell className="whitespace-nowrap text-ink-2">
              {bulk.state === "waiting" ? "Nothing is written yet" : resultWords(bulk)}
            </TableCell>
            <TableCell className="max-w-56 truncate text-ink-2">
              {bulk.askedBy}
              {bulk.agreedBy && <span className="text-ink-3">, with {bulk.agreedBy}</span>}
            </TableCell>
            <TableCell className="max-w-64 truncate text-ink-2" title={bulk.reason ?? undefined}>
              {bulk.reason ?? "–"}
            </TableCell>
            <TableCell className="relative text-right text-ink-2">
              <Time at={bulk.createdAt} />
            </TableCell>
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}
