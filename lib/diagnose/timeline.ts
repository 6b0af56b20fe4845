import type Stripe from "stripe";
import type { Deliveries } from "./deliveries.ts";
import type { Due } from "./due.ts";
import type { Change, Step, Why } from "./evidence.ts";

/** The events that a verdict is about. */
export interface Story {
  event?: Stripe.Event;
  changes?: Change[] | undefined;
  /** Which was processed before it, and should have been after. */
  after?: Stripe.Event;
}

interface Told {
  due: Pick<Due, "openedAt" | "foundBy" | "equalAt" | "equalRun">;
  changedAt: Date | null;
  why: Why;
  story: Story;
}

/** What happened at Stripe, what arrived, what the row said, when it was found: in the order of time. */
export function timelineOf(deliveries: Deliveries, { due, changedAt, why, story }: Told): Step[] {
  const steps: Step[] = [];
  for (const event of [story.event, story.after])
    if (event)
      steps.push(...stepsOf(deliveries, event, why, event === story.event ? (story.changes ?? []) : []));
  if (story.after)
    for (const step of steps)
      if (step.what === "processed" && step.type === story.event?.type && isLast(steps, step))
        step.overwrote = true;
  if (why === "edited_since" && due.equalAt !== null && due.equalRun !== null)
    steps.push({ at: due.equalAt.toISOString(), what: "equal", run: due.equalRun });
  // What a handler wrote is not told twice.
  if (changedAt && why !== "order") steps.push({ at: changedAt.toISOString(), what: "row_changed" });
  steps.push({ at: due.openedAt.toISOString(), what: "found", run: due.foundBy });
  return steps.sort((a, b) => a.at.localeCompare(b.at));
}

const isLast = (steps: readonly Step[], step: Step) =>
  !steps.some((other) => other.what === "processed" && other.at > step.at);

function stepsOf(deliveries: Deliveries, event: Stripe.Event, why: Why, changes: Change[]): Step[] {
  const { type, id } = event;
  const at = new Date(event.created * 1000).toISOString();
  const steps: Step[] = [{ at, what: "told", type, event: id, changes }];
  const here = deliveries.receivedHere(event);
  if (here) steps.push({ at: here.toISOString(), what: "received", type });
  const logged = deliveries.logged(event);
  if (why === "undelivered") steps.push({ at, what: "undelivered", type });
  if (why === "lost") steps.push({ at, what: "unlogged", type });
  if (!logged) return steps;
  const arrived = (logged.receivedAt ?? new Date(at)).toISOString();
  steps.push({ at: arrived, what: "arrived", type });
  if (logged.processedAt) steps.push({ at: logged.processedAt.toISOString(), what: "processed", type });
  else if (why === "failed") steps.push({ at: arrived, what: "unprocessed", type });
  return steps;
}
