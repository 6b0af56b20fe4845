import Link from "next/link";
import { searchReach } from "@/lib/audit/list.ts";
import type { AuditPage } from "@/lib/audit/read.ts";
import { Time } from "../format/time.tsx";
import { count } from "../format/words.ts";
import { Button } from "../ui/button.tsx";
import { Notice } from "../ui/notice.tsx";
import { type AuditParams, serializeAuditParams } from "./search-params.ts";

/** The ways on from a page of the history, and how far a search has come that has not looked at everything. */
export function Pages({ params, page }: { params: AuditParams; page: AuditPage }) {
  const { older, newer, reached } = page;
  const back = params.after === null;
  const moved = params.before !== null || !back;
  if (!moved && older === null) return null;
  const links: [string, { before?: number; after?: number }][] = [];
  if (moved) links.push(["Newest", {}]);
  if (newer !== null)
    links.push([reached && !back ? "Search further on" : "Newer entries", { after: newer }]);
  if (older !== null)
    links.push([reached && back ? "Search further back" : "Older entries", { before: older }]);
  return (
    <div className="flex flex-col items-start gap-3 border-t border-line px-4 py-3 md:px-6">
      {reached && (
        <Notice
          level="info"
          className="w-full"
          title={
            <>
              {page.entries.length > 0 ? "Nothing else" : "Nothing"} fits so far: searched{" "}
              {back ? "back " : ""}to entry {count(reached.seq)}, <Time at={reached.at} />.
            </>
          }
        >
          A search looks at {count(searchReach)} entries at a time. Go on from there, or choose the days in
          question.
        </Notice>
      )}
      <nav aria-label="Pages" className="flex flex-wrap gap-2">
        {links.map(([name, place]) => (
          <Button key={name} asChild size="sm">
            <Link href={`/audit${serializeAuditParams({ ...params, before: null, after: null, ...place })}`}>
              {name}
            </Link>
          </Button>
        ))}
      </nav>
    </div>
  );
}
