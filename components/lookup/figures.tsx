import type { Lookups } from "@/lib/status/counts.ts";
import { durationText } from "../format/clock.ts";
import { count } from "../format/words.ts";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "../ui/table.tsx";

/** How the lookups of programs and people went of late. */
export function Figures({ hour, day, fail }: { hour: Lookups; day: Lookups; fail: "open" | "closed" }) {
  const rows: [name: string, meaning: string, value: (of: Lookups) => string][] = [
    ["Lookups", "By programs and by hand", (of) => count(total(of))],
    ["From the cache", "Answered without asking Stripe", (of) => share(of.hits, total(of))],
    [
      "Age",
      "Of what the cache answered, on average",
      (of) => pair(of.ageMs, of.hits + of.stale, of.oldestMs),
    ],
    ["Stripe's time", "For an answer, on average", (of) => pair(of.askedMs, of.asked, of.slowestMs)],
    ["Stripe failed", "Questions without an answer", (of) => count(of.failed)],
    ["Out of date", "Answered with the last that was known", (of) => count(of.stale)],
    [
      "Without an answer",
      fail === "open" ? "Nothing was known: let in" : "Nothing was known: kept out",
      (of) => count(of.unanswered),
    ],
    [
      "Differed",
      "Answers of Stripe's which the local record did not agree with",
      (of) => (of.compared === 0 ? "–" : share(of.differed, of.compared)),
    ],
  ];
  return (
    <section aria-labelledby="lookup-figures" className="border-t border-line pt-5 pb-8">
      <h2 id="lookup-figures" className="px-4 text-14 font-semibold md:px-6">
        Live lookups so far
      </h2>
      {total(day) === 0 ? (
        <p className="mt-1 px-4 text-13 text-pretty text-ink-2 md:px-6">
          None in the last 24 hours. Programs ask with GET /api/status/KEY and an API token.
        </p>
      ) : (
        <div className="mt-2 max-w-3xl">
          <Table label="Live lookups" edge="page">
            <TableHeader>
              <TableRow>
                <TableHead>
                  <span className="sr-only">Figure</span>
                </TableHead>
                <TableHead className="text-right">Last hour</TableHead>
                <TableHead className="text-right">Last 24 hours</TableHead>
              </TableRow>
            </TableHeader>
            <TableBody>
              {rows.map(([name, meaning, value]) => (
                <TableRow key={name}>
                  <TableCell className="py-2">
                    <span className="font-medium">{name}</span>
                    <span className="block text-12 text-ink-3">{meaning}</span>
                  </TableCell>
                  <TableCell className="text-right tabular-nums">{value(hour)}</TableCell>
                  <TableCell className="text-right tabular-nums">{value(day)}</TableCell>
                </TableRow>
              ))}
            </TableBody>
          </Table>
        </div>
      )}
    </section>
  );
}

const total = ({ hits, fetched, stale, unanswered }: Lookups): number => hits + fetched + stale + unanswered;

const share = (part: number, whole: number): string =>
  whole === 0 ? "–" : `${((100 * part) / whole).toFixed(part === whole || part === 0 ? 0 : 1)}%`;

const pair = (sum: number, of: number, most: number): string =>
  of === 0 ? "–" : `${durationText(sum / of)}, up to ${durationText(most)}`;
