"use client";

import { useCallback, useEffect, useState } from "react";
import type { DiscrepancyDetails } from "@/lib/discrepancies/details.ts";

export type DetailsState =
  | { state: "loading" }
  | { state: "ready"; details: DiscrepancyDetails }
  | { state: "unknown" | "failed"; message: string };

/** Everything about one difference. `query` says which list it is seen in; `stamp` changes when the list was read again. */
export function useDetails(id: number, query: string, stamp: number) {
  const [attempt, setAttempt] = useState(0);
  const [found, setFound] = useState<{ id: number; answer: DetailsState } | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what changed by then is asked for again.
  useEffect(() => {
    const gone = new AbortController();
    read(`/discrepancies/${id}/details${query}`, gone.signal).then(
      (answer) => setFound({ id, answer }),
      (error) => {
        if (gone.signal.aborted) return;
        setFound({ id, answer: { state: "failed", message: String(error?.message ?? error) } });
      },
    );
    return () => gone.abort();
  }, [id, query, stamp, attempt]);
  const retry = useCallback(() => setAttempt((before) => before + 1), []);
  const answer: DetailsState = found?.id === id ? found.answer : { state: "loading" };
  return { answer, retry };
}

async function read(path: string, signal: AbortSignal): Promise<DetailsState> {
  const response = await fetch(path, { signal });
  const body = await response.json();
  if (response.ok) return { state: "ready", details: revive(body) };
  return { state: response.status === 404 ? "unknown" : "failed", message: body.message };
}

/** The dates came as texts. Only these: a value of a local column may look like one and stays as it is. */
function revive(body: DiscrepancyDetails): DiscrepancyDetails {
  const date = (value: Date) => new Date(value);
  const maybe = (value: Date | null) => (value === null ? null : new Date(value));
  const row = body.discrepancy;
  return {
    ...body,
    waiting: body.waiting && {
      ...body.waiting,
      bulk: { ...body.waiting.bulk, createdAt: date(body.waiting.bulk.createdAt), finishedAt: null },
    },
    lastAsked: body.lastAsked && { ...body.lastAsked, at: date(body.lastAsked.at) },
    history: body.history.map((entry) => ({ ...entry, at: date(entry.at) })),
    discrepancy: {
      ...row,
      firstSeenAt: date(row.firstSeenAt),
      openedAt: date(row.openedAt),
      observedAt: date(row.observedAt),
      closedAt: maybe(row.closedAt),
      snoozedUntil: maybe(row.snoozedUntil),
      decidedAt: maybe(row.decidedAt),
      revertedAt: maybe(row.revertedAt),
    },
  };
}
