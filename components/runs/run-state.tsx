import {
  CircleAlert,
  CircleCheck,
  CircleDashed,
  CircleSlash,
  CircleX,
  LoaderCircle,
  TriangleAlert,
} from "lucide-react";
import type { RunState as State } from "@/lib/db/schema.ts";
import { runStateWords } from "../format/words.ts";
import { cn } from "../ui/cn.ts";

const icons = {
  queued: CircleDashed,
  running: LoaderCircle,
  succeeded: CircleCheck,
  incomplete: CircleAlert,
  suspicious: TriangleAlert,
  failed: CircleX,
  cancelled: CircleSlash,
} satisfies Record<State, typeof CircleX>;

const tones: Record<State, string> = {
  queued: "text-ink-3",
  running: "text-ink-2",
  succeeded: "text-fixed",
  incomplete: "text-unpaid",
  suspicious: "text-unpaid",
  failed: "text-locked",
  cancelled: "text-ink-3",
};

export function RunState({
  state,
  iconOnly,
  className,
}: {
  state: State;
  iconOnly?: boolean;
  className?: string;
}) {
  const Icon = icons[state];
  return (
    <span
      className={cn("inline-flex items-center gap-1.5 whitespace-nowrap align-middle text-ink", className)}
    >
      <Icon
        {...(iconOnly ? { "aria-label": runStateWords[state], role: "img" } : { "aria-hidden": true })}
        className={cn("size-4 shrink-0", tones[state], state === "running" && "animate-spin")}
      />
      {!iconOnly && runStateWords[state]}
    </span>
  );
}
