import type { ReactNode } from "react";
import type { Cause } from "@/lib/db/schema.ts";
import type { Change, Evidence, Step } from "@/lib/diagnose/evidence.ts";
import { CauseLabel } from "../format/cause-label.tsx";
import { Time } from "../format/time.tsx";
import { causeWords } from "../format/words.ts";

/** Why the two sides differ, in a sentence, and what that was concluded from, as it came about. */
export function Why({ cause, evidence }: { cause: Cause; evidence: Evidence | null }) {
  return (
    <section className="mt-5 text-13">
      <h3 className="text-12 font-medium text-ink-3">Why</h3>
      <p className="mt-0.5 text-pretty">
        {cause !== "unknown" && (
          <>
            <CauseLabel cause={cause} long className="font-medium whitespace-normal" />.{" "}
          </>
        )}
        <span className="text-ink-2 wrap-anywhere">
          {evidence ? <Sentence evidence={evidence} /> : causeWords[cause].meaning}
        </span>
      </p>
      {evidence && evidence.timeline.length > 1 && (
        <ol aria-label="How it came about" className="mt-2 border-l border-line">
          {evidence.timeline.map((step) => (
            <li
              key={`${step.at} ${step.what} ${"type" in step ? step.type : ""}`}
              className="relative pb-2 pl-4"
            >
              <span
                aria-hidden
                className="absolute top-1.5 -left-1 size-2 rounded-full border border-line-strong bg-surface"
              />
              <p className="text-ink-2 wrap-anywhere">
                <StepWords step={step} />
                <span className="text-ink-3">
                  {" "}
                  · <Time at={step.at} />
                </span>
              </p>
              {step.what === "told" && <Changes changes={step.changes} />}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

const EventType = ({ type }: { type: string }) => <span className="font-mono text-12">{type}</span>;

function Sentence({ evidence }: { evidence: Evidence }): ReactNode {
  const { why, event, from } = evidence;
  const type = event ? <EventType type={event.type} /> : "its webhook";
  switch (why) {
    case "undelivered":
      return (
        <>
          Stripe could not deliver {type} to <Endpoint endpoint={evidence.endpoint} />.
          <Since evidence={evidence} />
        </>
      );
    case "lost":
      return <>Stripe says that {type} was delivered, and your webhook log has no trace of it.</>;
    case "failed":
      return <>{type} arrived, and your webhook log does not say that it was processed.</>;
    case "order":
      return <>{type} was processed after a later event, and overwrote what that one had said.</>;
    case "edited":
      return <>Everything that Stripe told was processed, and the record was changed after that.</>;
    case "edited_since":
      return <>Both sides were equal before, and Stripe has told of no change since.</>;
    case "unreadable":
      return <>The key may not read Stripe’s events. It wants the permission rak_event_read.</>;
    case "not_looked":
      return (
        <>
          Stripe has more events than a run looks at
          {from && (
            <>
              : it looked back to <Time at={from} />
            </>
          )}
          .
        </>
      );
    case "no_log":
      return <>Stripe has delivered {type}. No webhook log says what your code did with it.</>;
    case "nobody_listens":
      return <>No endpoint of the Stripe account takes {type}.</>;
    case "unapplied":
      return <>{type} was processed, and the record does not say what it said.</>;
    default:
      return plainWords[why];
  }
}

const plainWords: Record<
  "too_old" | "on_its_way" | "not_in_stripe" | "several" | "row_error" | "unclear",
  string
> = {
  too_old: "No event of the 30 days that Stripe keeps explains it: it came about before, or on your side.",
  on_its_way: "A webhook about it may still arrive. The next run looks again.",
  not_in_stripe: "Stripe does not have it, and no event says that it was deleted there.",
  several: "Events do not tell why there is more than one record.",
  row_error: "The mapping does not know what Stripe says.",
  unclear: "Stripe’s events, your webhook log and the record do not fit one explanation.",
};

function Endpoint({ endpoint }: Pick<Evidence, "endpoint">) {
  if (!endpoint) return "your endpoint";
  return "url" in endpoint ? endpoint.url.replace(/^https?:\/\//, "") : `one of ${endpoint.of} endpoints`;
}

/** The beginning of the series, where it began before this event. */
function Since({ evidence: { since, event } }: { evidence: Evidence }) {
  if (!since || !event || since.at >= event.created) return null;
  return (
    <>
      {" "}
      Deliveries were failing from <Time at={since.at} style="exact" />
      {since.open ? " or earlier" : ""} on.
    </>
  );
}

function StepWords({ step }: { step: Step }): ReactNode {
  switch (step.what) {
    case "told":
      return (
        <>
          Stripe: <EventType type={step.type} />
        </>
      );
    case "undelivered":
      return "Stripe could not deliver it";
    case "unlogged":
      return "Stripe says it was delivered; your log does not have it";
    case "arrived":
      return (
        <>
          Your log: <EventType type={step.type} /> arrived
        </>
      );
    case "received":
      return "Driftdesk’s own endpoint got it";
    case "unprocessed":
      return "Your log does not say that it was processed";
    case "processed":
      return (
        <>
          Your log: <EventType type={step.type} /> processed
          {step.overwrote && ", after the later event"}
        </>
      );
    case "equal":
      return `Run ${step.run} found both sides equal`;
    case "row_changed":
      return "The local record was last changed";
    case "found":
      return step.run === null ? "The difference was found" : `Run ${step.run} found the difference`;
  }
}

function Changes({ changes }: { changes: readonly Change[] }) {
  if (changes.length === 0) return null;
  return (
    <ul className="mt-0.5 text-12 text-ink-3">
      {changes.map(({ name, from, to }) => (
        <li key={name} className="wrap-anywhere">
          {name} {from !== undefined && `${from ?? "nothing"} → `}
          <span className="text-ink-2">{to ?? "nothing"}</span>
        </li>
      ))}
    </ul>
  );
}
