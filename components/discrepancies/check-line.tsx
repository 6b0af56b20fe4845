import { CircleAlert, CircleCheck, Info, LoaderCircle } from "lucide-react";
import type { ReactNode } from "react";
import type { Checked } from "@/lib/reconcile/check-again.ts";
import { Time } from "../format/time.tsx";
import { plural } from "../format/words.ts";
import { Button } from "../ui/button.tsx";
import { Kbd } from "../ui/kbd.tsx";
import type { Check } from "./use-check.ts";

/** How old what is shown is, and what looking again has shown; with the way to do so where the role may. */
export function CheckLine({ check, seenAt }: { check: Check | null; seenAt: Date }) {
  return (
    <div className="mb-3 flex items-start justify-between gap-3 text-13">
      <div role="status" className="min-w-0 self-center text-pretty text-ink-2">
        {check?.busy ? (
          "Looking at both sides…"
        ) : check?.told ? (
          <Told {...check.told} />
        ) : (
          <>
            Both sides seen <Time at={seenAt} />
          </>
        )}
      </div>
      {check && (
        // Not disabled while it goes on: the focus would be lost.
        <Button size="sm" aria-disabled={check.busy || undefined} aria-keyshortcuts="r" onClick={check.run}>
          {check.busy && <LoaderCircle aria-hidden className="animate-spin" />}
          Check again
          <Kbd aria-hidden className="ml-1 max-md:hidden">
            r
          </Kbd>
        </Button>
      )}
    </div>
  );
}

const sentences: Record<Checked["outcome"], string> = {
  gone: "nothing differs any more.",
  same: "it still differs, in the same way.",
  changed: "it differs in another way by now.",
  unknown: "it could not be read.",
};

function Told({ at, answer }: NonNullable<Check["told"]>) {
  if (!answer.ok) return <Line icon="problem">Not checked. {answer.message}</Line>;
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
    <p className="flex items-start gap-2 text-ink">
      {icons[icon]}
      <span>{children}</span>
    </p>
  );
}
