import type { RunResourceView, RunView } from "@/lib/reconcile/runs.ts";

export interface Figures {
  compared: number;
  objects: number;
  pages: number;
  mismatch: number;
  missingLocal: number;
  missingInStripe: number;
  duplicate: number;
  found: number;
  fixed: number;
}

/** A run's figures over all its resources. */
export function figuresOf(run: RunView): Figures {
  const sum = (read: (resource: RunResourceView) => number) =>
    run.resources.reduce((total, resource) => total + Number(read(resource)), 0);
  const kinds = {
    mismatch: sum((r) => r.mismatch),
    missingLocal: sum((r) => r.missingLocal),
    missingInStripe: sum((r) => r.missingInStripe),
    duplicate: sum((r) => r.duplicate),
  };
  return {
    ...kinds,
    compared: sum((r) => r.compared),
    objects: sum((r) => r.objects),
    pages: sum((r) => r.pages),
    fixed: sum((r) => r.fixed),
    found: kinds.mismatch + kinds.missingLocal + kinds.missingInStripe + kinds.duplicate,
  };
}

export const foundIn = (resource: RunResourceView) =>
  resource.mismatch + resource.missingLocal + resource.missingInStripe + resource.duplicate;

/** Where nothing was corrected automatically, with the reason. */
export const heldBackIn = (run: RunView) =>
  run.resources.flatMap(({ resource, heldBack }) => (heldBack === null ? [] : [{ resource, heldBack }]));

/** How long it took, or has taken so far; null before it began. */
export function durationMs(run: RunView, now: Date): number | null {
  if (!run.startedAt) return null;
  return (run.finishedAt ?? now).getTime() - run.startedAt.getTime();
}

/** The dates of a run that came as JSON are texts; this makes them dates again. */
export function reviveRun(json: string): RunView {
  const run = JSON.parse(json) as RunView;
  const date = (value: Date | null) => (value === null ? null : new Date(value));
  return {
    ...run,
    requestedAt: new Date(run.requestedAt),
    startedAt: date(run.startedAt),
    heartbeatAt: date(run.heartbeatAt),
    finishedAt: date(run.finishedAt),
  };
}
