import { type Cause, causes } from "@/lib/db/schema.ts";
import type { DriftDay } from "@/lib/discrepancies/summary.ts";
import { causeWords, count } from "../format/words.ts";
import { cn } from "../ui/cn.ts";

// Shades of one grey, darkest first: colour has its meanings elsewhere, and the causes are named beside it.
const shades: Record<Cause, { fill: string; swatch: string }> = {
  webhook_undelivered: { fill: "fill-ink", swatch: "bg-ink" },
  webhook_lost: { fill: "fill-ink-2", swatch: "bg-ink-2" },
  handler_failed: { fill: "fill-ink-3", swatch: "bg-ink-3" },
  local_edit: { fill: "fill-ink-3/60", swatch: "bg-ink-3/60" },
  unknown: { fill: "fill-line-strong", swatch: "bg-line-strong" },
};

const width = 720;
const up = 96;
const down = 36;
const gap = 6;

/** Found above the line, stacked by cause; settled below it. The same numbers as a table on request. */
export function DriftChart({ days }: { days: readonly DriftDay[] }) {
  const found = (day: DriftDay) => causes.reduce((sum, cause) => sum + day.found[cause], 0);
  const settled = (day: DriftDay) => day.fixed + day.resolved;
  const top = Math.max(1, ...days.map(found), ...days.map((day) => (settled(day) * up) / down / 2));
  const step = width / days.length;
  const bar = step - gap;
  const used = causes.filter((cause) => days.some((day) => day.found[cause] > 0));
  const totals = {
    found: days.reduce((sum, day) => sum + found(day), 0),
    fixed: days.reduce((sum, day) => sum + day.fixed, 0),
    resolved: days.reduce((sum, day) => sum + day.resolved, 0),
  };
  return (
    <div className="px-4 pt-3 pb-3">
      <svg
        role="img"
        aria-label={`In ${days.length} days: ${count(totals.found)} found, ${count(totals.fixed)} fixed, ${count(totals.resolved)} resolved without a fix.`}
        viewBox={`0 0 ${width} ${up + down + 18}`}
        className="block w-full"
      >
        <line x1="0" x2={width} y1={up + 0.5} y2={up + 0.5} className="stroke-line-strong" strokeWidth="1" />
        {days.map((day, index) => {
          const x = index * step + gap / 2;
          let y = up - 1;
          const fixedHeight = (day.fixed / top) * up;
          const resolvedHeight = (day.resolved / top) * up;
          return (
            <g key={day.day}>
              <title>{`${day.day}: ${count(found(day))} found, ${count(day.fixed)} fixed, ${count(day.resolved)} resolved`}</title>
              <rect
                x={x - gap / 2}
                y="0"
                width={step}
                height={up + down}
                className="fill-transparent hover:fill-hover"
              />
              {found(day) + settled(day) === 0 && (
                <rect x={x} y={up - 2} width={bar} height="1" className="fill-line-strong" />
              )}
              {causes.map((cause) => {
                const height = (day.found[cause] / top) * (up - 4);
                if (height === 0) return null;
                y -= height;
                return (
                  <rect
                    key={cause}
                    x={x}
                    y={y}
                    width={bar}
                    height={height}
                    className={cn("pointer-events-none", shades[cause].fill)}
                  />
                );
              })}
              {fixedHeight > 0 && (
                <rect
                  x={x}
                  y={up + 2}
                  width={bar}
                  height={Math.min(fixedHeight, down)}
                  className="pointer-events-none fill-fixed"
                />
              )}
              {resolvedHeight > 0 && (
                <rect
                  x={x}
                  y={up + 2 + Math.min(fixedHeight, down)}
                  width={bar}
                  height={Math.min(resolvedHeight, Math.max(0, down - fixedHeight))}
                  className="pointer-events-none fill-fixed/40"
                />
              )}
            </g>
          );
        })}
        {[0, Math.floor(days.length / 2), days.length - 1].map((index, place) => (
          <text
            key={index}
            x={place === 0 ? gap / 2 : place === 1 ? index * step + step / 2 : width - gap / 2}
            y={up + down + 14}
            textAnchor={place === 0 ? "start" : place === 1 ? "middle" : "end"}
            className="fill-ink-3 text-[11px]"
          >
            {dayWords(days[index]?.day)}
          </text>
        ))}
      </svg>
      <ul className="mt-3 flex flex-wrap gap-x-4 gap-y-1 text-12 text-ink-2">
        {used.map((cause) => (
          <Legend key={cause} swatch={shades[cause].swatch}>
            {causeWords[cause].long}
          </Legend>
        ))}
        <Legend swatch="bg-fixed">Fixed</Legend>
        <Legend swatch="bg-fixed/40">Resolved</Legend>
      </ul>
      <details className="mt-3 text-13">
        <summary className="w-fit rounded-sm text-12 text-ink-3 hover:text-ink">The same as a table</summary>
        <section
          aria-label="Drift by day"
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
                {used.map((cause) => (
                  <th key={cause} scope="col" className="px-3 py-1.5 text-right font-medium">
                    {causeWords[cause].long}
                  </th>
                ))}
                <th scope="col" className="px-3 py-1.5 text-right font-medium">
                  Found
                </th>
                <th scope="col" className="px-3 py-1.5 text-right font-medium">
                  Fixed
                </th>
                <th scope="col" className="px-3 py-1.5 text-right font-medium">
                  Resolved
                </th>
              </tr>
            </thead>
            <tbody>
              {days.toReversed().map((day) => (
                <tr key={day.day} className="border-t border-line">
                  <th scope="row" className="px-3 py-1 text-left font-normal">
                    {day.day}
                  </th>
                  {used.map((cause) => (
                    <td key={cause} className="px-3 py-1 text-right text-ink-2">
                      {count(day.found[cause])}
                    </td>
                  ))}
                  <td className="px-3 py-1 text-right">{count(found(day))}</td>
                  <td className="px-3 py-1 text-right">{count(day.fixed)}</td>
                  <td className="px-3 py-1 text-right">{count(day.resolved)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      </details>
    </div>
  );
}

function Legend({ swatch, children }: { swatch: string; children: string }) {
  return (
    <li className="flex items-center gap-1.5">
      <span aria-hidden className={cn("size-2 rounded-[2px]", swatch)} />
      {children}
    </li>
  );
}

const dayWords = (day: string | undefined) =>
  day
    ? new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" }).format(
        new Date(day),
      )
    : "";
