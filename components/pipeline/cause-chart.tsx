import { type Cause, causes } from "@/lib/db/schema.ts";
import type { DriftDay } from "@/lib/discrepancies/summary.ts";
import { causeWords, count } from "../format/words.ts";

const width = 720;
const height = 120;
const gap = 5;

/** Each day's new differences, shared out among their causes. Patterns tell them apart; the table has the numbers. */
export function CauseChart({ days }: { days: readonly DriftDay[] }) {
  const found = (day: DriftDay) => causes.reduce((sum, cause) => sum + day.found[cause], 0);
  const total = days.reduce((sum, day) => sum + found(day), 0);
  const used = causes.filter((cause) => days.some((day) => day.found[cause] > 0));
  const step = width / days.length;
  const share = (cause: Cause) => days.reduce((sum, day) => sum + day.found[cause], 0) / Math.max(1, total);
  const spoken = used.map((cause) => `${causeWords[cause].long} ${percent(share(cause))}`).join(", ");
  if (total === 0)
    return (
      <p className="px-4 py-6 text-13 text-ink-2">No difference was found in these {days.length} days.</p>
    );
  return (
    <div className="px-4 pt-3 pb-3">
      <svg
        role="img"
        aria-label={`Causes of ${count(total)} differences in ${days.length} days: ${spoken}.`}
        viewBox={`0 0 ${width} ${height + 18}`}
        className="block w-full text-ink"
      >
        <Patterns />
        <line x1="0" x2={width} y1={height + 0.5} y2={height + 0.5} className="stroke-line-strong" />
        {days.map((day, index) => {
          let y = height;
          return (
            <g key={day.day}>
              <title>{titleOf(day, found(day))}</title>
              {causes.map((cause) => {
                const part = found(day) === 0 ? 0 : (day.found[cause] / found(day)) * height;
                if (part === 0) return null;
                y -= part;
                return (
                  <rect
                    key={cause}
                    x={index * step + gap / 2}
                    y={y}
                    width={step - gap}
                    height={part}
                    fill={fillOf(cause)}
                    className="stroke-ink-3"
                    strokeWidth="0.75"
                  />
                );
              })}
            </g>
          );
        })}
        {[0, Math.floor(days.length / 2), days.length - 1].map((index, place) => (
          <text
            key={index}
            x={place === 0 ? gap / 2 : place === 1 ? (index + 0.5) * step : width - gap / 2}
            y={height + 14}
            textAnchor={place === 0 ? "start" : place === 1 ? "middle" : "end"}
            className="fill-ink-3 text-[11px]"
          >
            {dayWords(days[index]?.day)}
          </text>
        ))}
      </svg>
      <ul className="mt-3 flex flex-wrap gap-x-5 gap-y-1.5 text-12 text-ink-2">
        {used.map((cause) => (
          <li key={cause} className="flex items-center gap-1.5" title={causeWords[cause].meaning}>
            <svg aria-hidden="true" className="size-3.5 text-ink" viewBox="0 0 14 14">
              <rect width="14" height="14" fill={fillOf(cause)} className="stroke-ink-3" />
            </svg>
            {causeWords[cause].long}
            <span className="font-medium text-ink">{percent(share(cause))}</span>
          </li>
        ))}
      </ul>
      <CauseTable days={days.filter((day) => found(day) > 0).toReversed()} used={used} found={found} />
    </div>
  );
}

function CauseTable({
  days,
  used,
  found,
}: {
  days: readonly DriftDay[];
  used: readonly Cause[];
  found: (day: DriftDay) => number;
}) {
  return (
    <details className="mt-3 text-13">
      <summary className="w-fit rounded-sm text-12 text-ink-3 hover:text-ink">The same as a table</summary>
      <section
        aria-label="Causes by day"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard.
        tabIndex={0}
        className="mt-2 max-h-64 overflow-auto rounded-md border border-line"
      >
        <table className="w-full text-12">
          <thead className="sticky top-0 bg-sunken text-ink-3">
            <tr>
              <th scope="col" className="px-3 py-1.5 text-left font-medium">
                Day (UTC)
              </th>
              <th scope="col" className="px-3 py-1.5 text-right font-medium">
                Found
              </th>
              {used.map((cause) => (
                <th key={cause} scope="col" className="px-3 py-1.5 text-right font-medium">
                  {causeWords[cause].long}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {days.map((day) => (
              <tr key={day.day} className="border-t border-line">
                <th scope="row" className="px-3 py-1 text-left font-normal whitespace-nowrap">
                  {day.day}
                </th>
                <td className="px-3 py-1 text-right">{count(found(day))}</td>
                {used.map((cause) => (
                  <td key={cause} className="px-3 py-1 text-right whitespace-nowrap text-ink-2">
                    {count(day.found[cause])} ({percent(day.found[cause] / found(day))})
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </details>
  );
}

/** Beside what is solid: told apart without any colour, in print too. */
function Patterns() {
  const line = { stroke: "currentColor", strokeWidth: 1.4 };
  const tile = { width: 6, height: 6, patternUnits: "userSpaceOnUse" as const };
  return (
    <defs>
      <pattern id="cause-webhook_lost" {...tile} patternTransform="rotate(45)">
        <line x1="1.5" x2="1.5" y1="0" y2="6" {...line} strokeWidth={2.6} />
      </pattern>
      <pattern id="cause-handler_failed" {...tile}>
        <circle cx="3" cy="3" r="1.3" fill="currentColor" />
      </pattern>
      <pattern id="cause-local_edit" {...tile}>
        <line x1="0" x2="6" y1="3" y2="3" {...line} />
      </pattern>
      <pattern id="cause-unknown" {...tile}>
        <rect width="6" height="6" fill="transparent" />
      </pattern>
    </defs>
  );
}

const fillOf = (cause: Cause) => (cause === "webhook_undelivered" ? "currentColor" : `url(#cause-${cause})`);

function titleOf(day: DriftDay, found: number): string {
  const parts = causes.filter((cause) => day.found[cause] > 0);
  return `${day.day}: ${count(found)} found${parts.map((cause) => `, ${causeWords[cause].short} ${percent(day.found[cause] / found)}`).join("")}`;
}

const percent = (share: number) => `${Math.round(share * 100)}%`;
const dayWords = (day: string | undefined) =>
  day
    ? new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" }).format(
        new Date(day),
      )
    : "";
