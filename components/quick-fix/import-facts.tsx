import type { ReactNode } from "react";
import type { ImportView } from "@/lib/quick-fix/imports.ts";
import { Time } from "../format/time.tsx";
import { plural } from "../format/words.ts";
import { Notice } from "../ui/notice.tsx";
import { delimiterWords, kindWords, sizeText } from "./words.ts";

/** What was understood of a file, for somebody to see whether it is the right one. */
export function ImportFacts({ found, exportTime }: { found: ImportView; exportTime: ReactNode }) {
  const { understood, kind, source } = found;
  return (
    <div className="flex flex-col gap-4 border-t border-line px-4 py-5 md:px-6">
      {understood?.notes.map((note) => (
        <Notice key={note} level="warning" title={note} />
      ))}
      <dl className="grid gap-x-6 gap-y-3 text-13 sm:grid-cols-[10rem_minmax(0,1fr)]">
        <Fact name="Understood as">
          {kind ? kindWords[kind] : "Not understood"}
          {understood && (
            <span className="text-ink-3">
              {" "}
              · {sizeText(found.bytes)}, columns divided by{" "}
              {delimiterWords[understood.delimiter] ?? `“${understood.delimiter}”`}
            </span>
          )}
        </Fact>
        <Fact name="Read">
          {source === "paste"
            ? found.lines === 1
              ? "1 entry"
              : `${found.lines.toLocaleString("en-US")} entries`
            : plural(found.lines, "line")}
          {found.problems > 0 && `, ${found.problems.toLocaleString("en-US")} could not be`}
        </Fact>
        {source === "file" && (
          <Fact name="Exported">
            <span className="mr-3">
              {found.exportedAt ? <Time at={found.exportedAt} style="exact" /> : "Nobody knows when"}
            </span>
            {exportTime}
          </Fact>
        )}
        {understood && (
          <>
            <Fact name="Columns used">{understood.columns.map(({ header }) => header).join(", ")}</Fact>
            {understood.ignored.length > 0 && (
              <Fact name="Left out">
                <span className="text-ink-2">{understood.ignored.join(", ")}</span>
              </Fact>
            )}
          </>
        )}
        <Fact name="Brought">
          by {found.by}, <Time at={found.uploadedAt} />
        </Fact>
      </dl>
    </div>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-ink-3">{name}</dt>
      <dd className="min-w-0 text-pretty break-words">{children}</dd>
    </>
  );
}
