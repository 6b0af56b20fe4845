import type { EndpointHealth, PipelineState as State } from "@/lib/diagnose/pipeline-health.ts";
import { Time } from "../format/time.tsx";
import { count } from "../format/words.ts";
import { Card, CardHeader, CardTitle } from "../ui/card.tsx";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "../ui/table.tsx";
import { PipelineState } from "./pipeline-state.tsx";

/** One endpoint, with a line for each type of event that was seen for it. */
export function EndpointCard({ endpoint, doubtful }: { endpoint: EndpointHealth; doubtful: boolean }) {
  const { url, enabled, types, undelivered, brokenSince, recoveredAt } = endpoint;
  const state: State = !enabled ? "off" : endpoint.state === "broken" ? "broken" : "delivering";
  const name = url ?? "All endpoints together";
  return (
    <Card className="overflow-hidden">
      <CardHeader className="flex-wrap py-2">
        <CardTitle className="min-w-0 font-mono text-12 break-all">{name}</CardTitle>
        {doubtful ? (
          <span className="text-13 text-ink-2">Perhaps broken: see above</span>
        ) : (
          <PipelineState state={state} className="text-13" />
        )}
      </CardHeader>
      <p className="px-4 pt-3 text-13 text-pretty text-ink-2 empty:hidden">
        {url === null && "The key may not list endpoints, so they have no names here. "}
        {url?.includes(" or ") && "Stripe says that one of them did not take these events, not which one. "}
        {!enabled &&
          "It is switched off at Stripe, by a person or after days without an answer: nothing is sent to it. Switch it on in Stripe's Dashboard. "}
        {state === "delivering" &&
          undelivered > 0 &&
          "Some events did not arrive. Stripe tries again for three days, then no more: a run finds what they would have changed. "}
        {state === "delivering" && brokenSince && recoveredAt && (
          <>
            Its last outage began <Time at={brokenSince} /> and was over <Time at={recoveredAt} />.
          </>
        )}
      </p>
      {types.length === 0 ? (
        <p className="px-4 py-3 text-13 text-ink-2">No event was seen for it yet.</p>
      ) : (
        <Table label={`Events for ${name}`}>
          <TableHeader>
            <TableRow>
              <TableHead>Event</TableHead>
              <TableHead className="text-right">Undelivered</TableHead>
              <TableHead className="text-right">Oldest of them</TableHead>
              <TableHead className="text-right">Newest that arrived</TableHead>
            </TableRow>
          </TableHeader>
          <TableBody>
            {types.map(({ type, deliveredTo, undelivered, oldestAt, broken }) => (
              <TableRow key={type}>
                <TableCell className="font-mono text-12 whitespace-nowrap">{type}</TableCell>
                <TableCell className="text-right whitespace-nowrap">
                  {undelivered === 0 ? (
                    <span className="text-ink-3">0</span>
                  ) : (
                    <>
                      {broken && <span className="mr-2 text-12 text-locked">nothing arrives</span>}
                      <span className="font-medium">{count(undelivered)}</span>
                    </>
                  )}
                </TableCell>
                <TableCell className="text-right text-ink-2">
                  {oldestAt ? <Time at={oldestAt} style="age" tabStop={false} /> : "–"}
                </TableCell>
                <TableCell className="text-right whitespace-nowrap text-ink-2">
                  {deliveredTo ? <Time at={deliveredTo} tabStop={false} /> : "none seen"}
                </TableCell>
              </TableRow>
            ))}
          </TableBody>
        </Table>
      )}
    </Card>
  );
}
