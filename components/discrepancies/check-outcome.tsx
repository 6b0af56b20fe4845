import { CircleAlert, CircleCheck, Info } from "lucide-react";
import type { ReactNode } from "react";
import type { Checked } from "@/lib/reconcile/check-again.ts";
import { Time } from "../format/time.tsx";
import { plural } from "../format/words.ts";
import type { Check } from "./use-check.ts";

const sentences: Record<Checked["outcome"], string> = {
  gone: "nothing differs any more.",
  same: "it still differs, in the same way.",
  changed: "it differs in another way by now.",
  unknown: "it could not be read.",
};

/** What looking again has shown, in a sentence that is read out when it comes. */
export function CheckOutcome({ check }: { check: Check }) {
  return (
    <div role="status" className="text-13 text-pretty not-empty:mb-3">
      {check.told && <Outcome {...check.told} />}
    </div>
  );
}

function Outcome({ at, answer }: NonNullable<Check["told"]>) {
  if (!answer.ok) return <Line icon="problem">Not checked: {answer.message}</Line>;
  const { outcome, others, reason } = answer.value;
  return (
    <Line icon={outcome === "gone" ? "good" : outcome === "unknown" ? "problem" : "info"}>
      Checked <Time at={at} />: {sentences[outcome]} {reason}
      {others > 0 && ` ${plural(others, "other difference")} of this customer came up.`}
    </Line>
  );
}

const icons = {
  good: <CircleCheck aria-hidden className="mt-0.5 size-4 shrink-0 text-fixed" />,
  info: <Info aria-hidden className="mt-0.5 size-4 shrink-0 text-ink-3" />,
  problem: <CircleAlert aria-hidden className="mt-0.5 size-4 shrink-0 text-locked" />,
};

function Line({ icon, children }: { icon: keyof typeof icons; children: ReactNode }) {
  return (
    <p className="flex items-start gap-2">
      {icons[icon]}
      <span>{children}</span>
    </p>
  );
}
