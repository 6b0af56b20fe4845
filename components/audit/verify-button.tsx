"use client";

import { LoaderCircle, ShieldCheck } from "lucide-react";
import { type ReactNode, useState, useTransition } from "react";
import type { AuditVerdict } from "@/lib/audit/verify.ts";
import { Time } from "../format/time.tsx";
import { count, plural } from "../format/words.ts";
import { Button } from "../ui/button.tsx";
import { Notice } from "../ui/notice.tsx";

type Verify = () => Promise<{ ok: true; verdict: AuditVerdict } | { ok: false; message: string }>;

/** Computes the whole chain anew and says whether it holds. `children` stand beside the button. */
export function Verify({ verify, children }: { verify: Verify; children?: ReactNode }) {
  const [answer, setAnswer] = useState<Awaited<ReturnType<Verify>>>();
  const [busy, start] = useTransition();
  return (
    <>
      <div className="flex flex-wrap items-center gap-2 px-4 pb-4 md:px-6">
        <Button disabled={busy} onClick={() => start(async () => setAnswer(await verify()))}>
          {busy ? <LoaderCircle aria-hidden className="animate-spin" /> : <ShieldCheck aria-hidden />}
          {busy ? "Verifying…" : "Verify the chain"}
        </Button>
        {children}
      </div>
      <div aria-live="polite">{answer && !busy && <Outcome answer={answer} />}</div>
    </>
  );
}

function Outcome({ answer }: { answer: Awaited<ReturnType<Verify>> }) {
  const place = "mx-4 mb-4 md:mx-6";
  if (!answer.ok) return <Notice level="warning" title={answer.message} className={place} />;
  const { ok, length, lastAt, head, problems } = answer.verdict;
  if (ok)
    return (
      <Notice
        level="good"
        title={`The chain is whole: ${plural(length, "entry", "entries")}.`}
        className={place}
      >
        {lastAt && (
          <>
            The last one is of <Time at={lastAt} style="exact" />.{" "}
          </>
        )}
        Its head is <code className="font-mono text-12 break-all">{head}</code>. Kept elsewhere, it proves
        later that nothing before it was touched.
      </Notice>
    );
  return (
    <Notice
      level="problem"
      title={`The chain is broken: ${problems.length >= 100 ? "at least " : ""}${plural(problems.length, "problem")}.`}
      className={place}
    >
      Somebody changed the history past Driftdesk. Keep a copy of the database as it is, and tell whoever
      answers for it.
      <ul className="mt-2 list-disc pl-5">
        {problems.slice(0, 20).map(({ seq, problem }) => (
          <li key={`${seq} ${problem}`}>
            Entry {count(seq)}: {problem}
          </li>
        ))}
      </ul>
    </Notice>
  );
}
