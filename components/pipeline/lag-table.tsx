import type { PipelineHealth } from "@/lib/diagnose/pipeline-health.ts";
import { durationText } from "../format/clock.ts";
import { count } from "../format/words.ts";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "../ui/table.tsx";

const sources: Record<PipelineHealth["lags"][number]["source"], string> = {
  log: "your webhook log",
  receiver: "Driftdesk's receiver",
};

/** How long after an event our side had it. */
export function LagTable({ lags }: Pick<PipelineHealth, "lags">) {
  return (
    <Table label="How long events take">
      <TableHeader>
        <TableRow>
          <TableHead>Event</TableHead>
          <TableHead className="text-right">Half of them within</TableHead>
          <TableHead className="text-right">Slowest</TableHead>
          <TableHead className="text-right">Events</TableHead>
          <TableHead>Measured in</TableHead>
        </TableRow>
      </TableHeader>
      <TableBody>
        {lags.map(({ source, type, events, medianMs, slowestMs }) => (
          <TableRow key={`${source} ${type}`}>
            <TableCell className="font-mono text-12 whitespace-nowrap">{type}</TableCell>
            <TableCell className="text-right whitespace-nowrap">{durationText(medianMs)}</TableCell>
            <TableCell className="text-right whitespace-nowrap">{durationText(slowestMs)}</TableCell>
            <TableCell className="text-right text-ink-2">{count(events)}</TableCell>
            <TableCell className="whitespace-nowrap text-ink-2">{sources[source]}</TableCell>
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}
