import { CircleCheck, CircleDashed, CircleSlash, TriangleAlert } from "lucide-react";
import type { PipelineState as State } from "@/lib/diagnose/pipeline-health.ts";
import { cn } from "../ui/cn.ts";

const icons = {
  delivering: CircleCheck,
  broken: TriangleAlert,
  off: CircleSlash,
  none: CircleDashed,
  unknown: CircleDashed,
} satisfies Record<State, typeof CircleCheck>;

const tones: Record<State, string> = {
  delivering: "text-fixed",
  broken: "text-locked",
  off: "text-unpaid",
  none: "text-ink-3",
  unknown: "text-ink-3",
};

const words: Record<State, string> = {
  delivering: "Delivering",
  broken: "Broken",
  off: "Switched off",
  none: "No endpoint",
  unknown: "Not known",
};

/** A shape and a word; the colour only repeats them. */
export function PipelineState({ state, className }: { state: State; className?: string }) {
  const Icon = icons[state];
  return (
    <span
      className={cn("inline-flex items-center gap-1.5 font-medium whitespace-nowrap text-ink", className)}
    >
      <Icon aria-hidden className={cn("size-4 shrink-0", tones[state])} />
      {words[state]}
    </span>
  );
}
