import Link from "next/link";
import type { ImportView } from "@/lib/quick-fix/imports.ts";
import { Time } from "../format/time.tsx";
import { plural } from "../format/words.ts";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "../ui/table.tsx";
import { kindWords } from "./words.ts";

export function ImportTable({ imports }: { imports: readonly ImportView[] }) {
  return (
    <Table label="What was brought" edge="page">
      <TableHeader>
        <TableRow>
          <TableHead>What</TableHead>
          <TableHead>Read</TableHead>
          <TableHead>Compared</TableHead>
          <TableHead>By</TableHead>
          <TableHead className="text-right">When</TableHead>
        </TableRow>
      </TableHeader>
      <TableBody>
        {imports.map((one) => (
          <TableRow key={one.id} className="relative has-[a:hover]:bg-hover">
            <TableCell className="min-w-56 max-w-96">
              <Link
                href={`/quick-fix/${one.id}`}
                className="block truncate rounded-sm font-medium after:absolute after:inset-0"
              >
                {one.fileName ?? "Pasted list"}{" "}
                {one.kind && one.kind !== "list" && (
                  <span className="font-normal text-ink-3">{kindWords[one.kind].toLowerCase()}</span>
                )}
              </Link>
            </TableCell>
            <TableCell className="max-w-72 truncate text-ink-2">{readWords(one)}</TableCell>
            <TableCell className="whitespace-nowrap text-ink-2">
              {one.runId === null ? "–" : `Run ${one.runId}`}
            </TableCell>
            <TableCell className="max-w-48 truncate text-ink-2">{one.by}</TableCell>
            <TableCell className="relative text-right text-ink-2">
              <Time at={one.uploadedAt} />
            </TableCell>
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}

function readWords({ state, lines, problems, source }: ImportView): string {
  if (state === "failed") return "Could not be read";
  if (state === "reading") return "Being read";
  const unit = source === "paste" ? "entry" : "line";
  const read =
    unit === "entry" && lines !== 1 ? `${lines.toLocaleString("en-US")} entries` : plural(lines, unit);
  return problems === 0 ? read : `${read}, ${problems.toLocaleString("en-US")} not`;
}
