"use client";

import { CircleAlert, CircleCheck, LoaderCircle, TriangleAlert } from "lucide-react";
import { useState, useTransition } from "react";
import type { Finding } from "@/lib/config/check.ts";
import { plural } from "../format/words.ts";
import { Button } from "../ui/button.tsx";
import { cn } from "../ui/cn.ts";

export type CheckNow = () => Promise<{ ok: true; findings: Finding[] } | { ok: false; message: string }>;

const looks = {
  error: { icon: CircleAlert, tone: "text-locked", word: "Wrong" },
  warning: { icon: TriangleAlert, tone: "text-unpaid", word: "Doubtful" },
  ok: { icon: CircleCheck, tone: "text-fixed", word: "Good" },
};

/** Looks at both sides and says what a run would stumble over. */
export function CheckButton({ checkNow }: { checkNow: CheckNow }) {
  const [answer, setAnswer] = useState<Awaited<ReturnType<CheckNow>>>();
  const [busy, start] = useTransition();
  return (
    <div>
      <div className="flex flex-wrap items-center gap-3">
        <Button disabled={busy} onClick={() => start(async () => setAnswer(await checkNow()))}>
          {busy && <LoaderCircle aria-hidden className="animate-spin" />}
          {busy ? "Checking…" : "Check the mapping"}
        </Button>
        <p aria-live="polite" className="text-13 text-ink-2">
          {answer && !busy && summary(answer)}
        </p>
      </div>
      {answer?.ok && (
        <ul className="mt-4 divide-y divide-line rounded-lg border border-line text-13">
          {answer.findings.map((finding) => {
            const { icon: Icon, tone, word } = looks[finding.level];
            return (
              <li
                key={`${finding.account} ${finding.where} ${finding.code} ${finding.message}`}
                className="flex gap-3 px-4 py-2.5"
              >
                <Icon aria-label={word} role="img" className={cn("mt-0.5 size-4 shrink-0", tone)} />
                <div className="min-w-0">
                  <p className="text-pretty">
                    {finding.account && <span className="mr-2 font-medium">{finding.account}</span>}
                    <code className="mr-2 font-mono text-12 text-ink-3">{finding.where}</code>
                    {finding.message}
                  </p>
                  {finding.remedy && <p className="text-pretty text-ink-2">{finding.remedy}</p>}
                </div>
              </li>
            );
          })}
        </ul>
      )}
    </div>
  );
}

function summary(answer: Awaited<ReturnType<CheckNow>>): string {
  if (!answer.ok) return answer.message;
  const errors = answer.findings.filter((finding) => finding.level === "error").length;
  const warnings = answer.findings.filter((finding) => finding.level === "warning").length;
  if (errors + warnings === 0) return "Everything fits.";
  return [
    errors > 0 && `${plural(errors, "thing")} to correct`,
    warnings > 0 && `${plural(warnings, "thing")} to look at`,
  ]
    .filter(Boolean)
    .join(", ");
}
