"use client";

import { type ReactNode, useId } from "react";
import { Button, type ButtonProps } from "../ui/button.tsx";
import { Kbd } from "../ui/kbd.tsx";
import type { Obstacles } from "./allowed.ts";
import { CheckLine } from "./check-line.tsx";
import type { DecisionKind } from "./contract.ts";
import type { Check } from "./use-check.ts";

export const panelButtons: {
  kind: DecisionKind;
  name: string;
  key: string;
  variant: ButtonProps["variant"];
}[] = [
  { kind: "apply", name: "Approve and apply", key: "a", variant: "primary" },
  { kind: "reject", name: "Reject…", key: "x", variant: "secondary" },
  { kind: "snooze", name: "Snooze…", key: "s", variant: "secondary" },
];

/** What can be decided, and looking again. What cannot be decided is there too, with the reason in words. */
export function PanelActions({
  obstacles,
  onDecide,
  check,
  seenAt,
  undo,
}: {
  obstacles: Obstacles;
  onDecide: (kind: DecisionKind) => void;
  /** Null where the role may not. */
  check: Check | null;
  seenAt: Date;
  /** In place of decisions, where it is fixed: the way back. */
  undo?: ReactNode;
}) {
  const reasonId = useId();
  // One sentence is enough, and the correction's is the one that people look for.
  const reason = obstacles.apply ?? obstacles.reject ?? obstacles.snooze;
  return (
    <div className="sticky bottom-14 shrink-0 border-t border-line bg-surface px-5 py-3 md:bottom-0">
      <CheckLine check={check} seenAt={seenAt} />
      {reason && !undo && (
        <p id={reasonId} className="mb-2 text-12 text-pretty text-ink-2">
          {reason}
        </p>
      )}
      <div className="flex flex-wrap gap-2">
        {undo}
        {(undo ? [] : panelButtons).map(({ kind, name, key, variant }) => (
          <Button
            key={kind}
            variant={variant}
            aria-disabled={obstacles[kind] !== null || undefined}
            aria-describedby={obstacles[kind] !== null ? reasonId : undefined}
            aria-keyshortcuts={key}
            onClick={() => onDecide(kind)}
          >
            {name}
            <Kbd
              aria-hidden
              className={
                variant === "primary"
                  ? "ml-1 border-current/40 bg-transparent text-action-ink max-md:hidden"
                  : "ml-1 max-md:hidden"
              }
            >
              {key}
            </Kbd>
          </Button>
        ))}
      </div>
    </div>
  );
}
