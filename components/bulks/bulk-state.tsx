import { CircleCheck, CircleDashed, CircleSlash, CircleX, LoaderCircle } from "lucide-react";
import type { BulkState as State } from "@/lib/db/schema.ts";
import { cn } from "../ui/cn.ts";
import { bulkStateWords } from "./bulk-words.ts";

const icons = {
  waiting: CircleDashed,
  running: LoaderCircle,
  done: CircleCheck,
  failed: CircleX,
  cancelled: CircleSlash,
} satisfies Record<State, typeof CircleX>;

const tones: Record<State, string> = {
  waiting: "text-unpaid",
  running: "text-ink-2",
  done: "text-fixed",
  failed: "text-locked",
  cancelled: "text-ink-3",
};

export function BulkState({ state, className }: { state: State; className?: string }) {
  const Icon = icons[state];
  return (
    <span
      className={cn("inline-flex items-center gap-1.5 whitespace-nowrap align-middle text-ink", className)}
    >
      <Icon
        aria-hidden
        className={cn("size-4 shrink-0", tones[state], state === "running" && "animate-spin")}
      />
      {bulkStateWords[state]}
    </span>
  );
}
