import {
  CircleAlert,
  CircleCheck,
  CircleDashed,
  CircleSlash,
  CircleX,
  LoaderCircle,
  TriangleAlert,
} from "lucide-react";
import { cn } from "../ui/cn.ts";

/** How far something is that takes its time, whatever it is: a run, a bulk action. */
const stages = {
  queued: { icon: CircleDashed, tone: "text-ink-3" },
  asking: { icon: CircleDashed, tone: "text-unpaid" },
  running: { icon: LoaderCircle, tone: "text-ink-2 animate-spin" },
  done: { icon: CircleCheck, tone: "text-fixed" },
  incomplete: { icon: CircleAlert, tone: "text-unpaid" },
  suspicious: { icon: TriangleAlert, tone: "text-unpaid" },
  failed: { icon: CircleX, tone: "text-locked" },
  cancelled: { icon: CircleSlash, tone: "text-ink-3" },
};
export type Stage = keyof typeof stages;

/** A stage in a shape, a colour and its word; with `iconOnly` the word is for those who cannot see the shape. */
export function StageLabel({
  stage,
  word,
  iconOnly,
  className,
}: {
  stage: Stage;
  word: string;
  iconOnly?: boolean | undefined;
  className?: string | undefined;
}) {
  const { icon: Icon, tone } = stages[stage];
  return (
    <span
      className={cn("inline-flex items-center gap-1.5 whitespace-nowrap align-middle text-ink", className)}
    >
      <Icon
        {...(iconOnly ? { "aria-label": word, role: "img" } : { "aria-hidden": true })}
        className={cn("size-4 shrink-0", tone)}
      />
      {!iconOnly && word}
    </span>
  );
}
