"use client";

import { useState, useTransition } from "react";
import type { Checked } from "@/lib/reconcile/check-again.ts";
import type { Answer, DriftActions } from "./contract.ts";

export interface Check {
  /** Under way. */
  busy: boolean;
  /** What the last one of this difference said, and when. */
  told: { at: Date; answer: Answer<Checked> } | null;
  run: () => void;
}

/** Looks at one difference again, on both sides and now. */
export function useCheck(id: number, check: DriftActions["check"]): Check {
  const [busy, start] = useTransition();
  const [told, setTold] = useState<(NonNullable<Check["told"]> & { id: number }) | null>(null);
  const run = () => {
    if (busy) return;
    setTold(null);
    start(async () => {
      const answer = await check(id);
      setTold({ id, at: new Date(), answer });
    });
  };
  return { busy, told: told?.id === id ? told : null, run };
}
