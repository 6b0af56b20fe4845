import { ArrowRight, Equal } from "lucide-react";
import { columnWords, inWords } from "@/lib/discrepancies/sides.ts";
import type { LocalRecord } from "@/lib/status/records.ts";
import { cn } from "../ui/cn.ts";

/** What the local record says beside what Stripe says, differences first. */
export function BothSides({ record, compared }: { record: LocalRecord; compared: boolean }) {
  const fields = [...record.fields].sort((a, b) => Number(b.differs) - Number(a.differs));
  return (
    <div className="overflow-hidden rounded-lg border border-line text-13">
      <table className="w-full table-fixed border-collapse" aria-label="Both sides">
        <thead>
          <tr className="text-left text-12">
            <th scope="col" className="h-8 w-[32%] px-3 font-medium text-ink-3">
              <span className="sr-only">Field</span>
            </th>
            <th scope="col" className="bg-local px-3 font-medium text-local-ink">
              Local record
            </th>
            {compared && (
              <>
                <th scope="col" className="w-7">
                  <span className="sr-only">compared with</span>
                </th>
                <th scope="col" className="bg-stripe px-3 font-medium text-stripe-ink">
                  Stripe
                </th>
              </>
            )}
          </tr>
        </thead>
        <tbody>
          {fields.map((field) => {
            const Sign = field.differs ? ArrowRight : Equal;
            return (
              <tr key={field.name} className="border-t border-line align-top">
                <th scope="row" className="px-3 py-2 text-left font-normal text-ink-2 wrap-anywhere">
                  {columnWords(field.name)}
                </th>
                <Value
                  value={field.local}
                  className={cn("bg-local", compared && field.differs && "text-ink-2")}
                />
                {compared && (
                  <>
                    <td className="px-1 py-2 text-center">
                      <Sign
                        aria-label={field.differs ? "differs from" : "equals"}
                        className="mt-1 inline size-3 text-ink-3"
                      />
                    </td>
                    <Value value={field.stripe} className={cn("bg-stripe", field.differs && "font-medium")} />
                  </>
                )}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function Value({ value, className }: { value: string | null; className: string }) {
  return (
    <td className={cn("px-3 py-2 wrap-anywhere", className)} title={value ?? undefined}>
      {value === null || value === "" ? (
        <span className="font-normal text-ink-3 italic">{inWords(value)}</span>
      ) : (
        inWords(value)
      )}
    </td>
  );
}
