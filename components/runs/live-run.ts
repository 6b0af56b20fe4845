"use client";

import { useEffect, useState } from "react";
import type { Rate } from "@/lib/reconcile/rate.ts";
import type { RunView } from "@/lib/reconcile/runs.ts";
import { reviveRun } from "./figures.ts";

const pollMs = 2_000;

/** How fast it goes is told by events only. */
export type LiveRun = RunView & { rate?: Rate };

/** A run as it goes on: by server-sent events, or by asking again where these do not get through. */
export function useLiveRun(initial: RunView, onEnd: () => void): LiveRun {
  const [run, setRun] = useState<LiveRun>(initial);
  const id = initial.id;
  const ended = isEnded(run);
  useEffect(() => {
    if (ended) return;
    let timer: ReturnType<typeof setInterval> | undefined;
    const take = (json: string) => {
      const next: LiveRun = reviveRun(json);
      if (next.id === id) setRun(next);
    };
    const events = new EventSource(`/api/runs/${id}/events`);
    const listen = (event: MessageEvent<string>) => take(event.data);
    for (const name of ["message", "run", "progress", "end"]) events.addEventListener(name, listen);
    events.onerror = () => {
      // The browser tries again by itself unless the answer was a refusal.
      if (events.readyState !== EventSource.CLOSED) return;
      timer ??= setInterval(async () => {
        const response = await fetch(`/api/runs/${id}`).catch(() => null);
        if (response?.ok) take(await response.text());
      }, pollMs);
    };
    return () => {
      events.close();
      clearInterval(timer);
    };
  }, [id, ended]);
  useEffect(() => {
    if (ended && !isEnded(initial)) onEnd();
  }, [ended, initial, onEnd]);
  return run;
}

export const isEnded = (run: RunView) => run.state !== "queued" && run.state !== "running";
