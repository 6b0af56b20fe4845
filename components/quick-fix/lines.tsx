import type { FindingView } from "@/lib/quick-fix/imports.ts";
import { resourceTitle } from "../format/words.ts";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "../ui/table.tsx";
import { findingWords } from "./words.ts";

/** Lines that could not be read. */
export function ProblemTable({
  problems,
  unit,
}: {
  problems: readonly { line: number; problem: string }[];
  unit: "Line" | "Entry";
}) {
  return (
    <Table label="Lines that could not be read" edge="page">
      <TableHeader>
        <TableRow>
          <TableHead className="w-24 text-right">{unit}</TableHead>
          <TableHead>Why it is not used</TableHead>
        </TableRow>
      </TableHeader>
      <TableBody>
        {problems.map(({ line, problem }) => (
          <TableRow key={line}>
            <TableCell className="text-right text-ink-2 tabular-nums">{line}</TableCell>
            <TableCell className="min-w-72 py-2">{problem}</TableCell>
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}

/** Lines of which the comparison could not say anything with certainty. */
export function FindingTable({ rows }: { rows: readonly FindingView[] }) {
  return (
    <Table label="What was not compared as it stands" edge="page">
      <TableHeader>
        <TableRow>
          <TableHead className="w-24 text-right">Line</TableHead>
          <TableHead>About</TableHead>
          <TableHead>Compared with</TableHead>
          <TableHead>What it is</TableHead>
          <TableHead>Our records</TableHead>
        </TableRow>
      </TableHeader>
      <TableBody>
        {rows.map((row) => (
          <TableRow key={`${row.resource} ${row.line}`}>
            <TableCell className="text-right text-ink-2 tabular-nums">{row.line}</TableCell>
            <TableCell className="max-w-64 truncate">{row.about ?? "–"}</TableCell>
            <TableCell className="text-ink-2">{resourceTitle(row.resource)}</TableCell>
            <TableCell className="whitespace-nowrap">{findingWords[row.finding].title}</TableCell>
            <TableCell className="max-w-72 truncate text-ink-2">
              {row.candidates.length > 0
                ? row.candidates.join(", ")
                : row.lines.length > 0
                  ? `with lines ${row.lines.join(", ")}`
                  : "–"}
            </TableCell>
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}
