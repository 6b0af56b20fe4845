import Link from "next/link";
import type { ReactNode } from "react";
import type { RunView } from "@/lib/reconcile/runs.ts";
import { Time } from "../format/time.tsx";
import { resourceWords } from "../format/words.ts";
import { Notice } from "../ui/notice.tsx";

/** What a run's unhappy end means for the numbers on screen, and what to do next. Nothing for a good end. */
export function RunNotice({
  run,
  numbersFrom,
  action,
}: {
  run: RunView;
  /** The run that the numbers on screen come from, where that is another one. */
  numbersFrom?: RunView | null;
  action?: ReactNode;
}) {
  const when = run.finishedAt && <Time at={run.finishedAt} />;
  const check = run.accountName === null ? "The last check" : `The last check of ${run.accountName}`;
  const why = run.message ?? run.resources.find((resource) => resource.message)?.message;
  const link = (
    <Link href={`/runs/${run.id}`} className="link">
      run {run.id}
    </Link>
  );
  switch (run.state) {
    case "failed":
      return (
        <Notice
          level="problem"
          title={
            <>
              {check} failed {when}.
            </>
          }
          action={action}
        >
          {why && <p>{why}</p>}
          <p>
            {numbersFrom?.finishedAt ? (
              <>
                The numbers here are from run {numbersFrom.id}, <Time at={numbersFrom.finishedAt} />. Newer
                differences are not in them.{" "}
              </>
            ) : (
              "No check has come to an end yet, so there are no numbers. "
            )}
            Correct what {link} says, then run again.
          </p>
        </Notice>
      );
    case "suspicious":
      return (
        <Notice
          level="warning"
          title={
            <>
              {check} looked wrong, so it stopped believing itself {when}.
            </>
          }
          action={action}
        >
          {why && <p>{why}</p>}
          <p>
            Far more was missing than drift explains: usually a key of another account or mode, or a wrong
            mapping. Nothing missing is reported until that is settled. See {link}, and check the mapping
            under{" "}
            <Link href="/settings" className="link">
              Settings
            </Link>
            .
          </p>
        </Notice>
      );
    case "incomplete": {
      const unread = run.resources.filter((resource) => resource.state !== "done");
      return (
        <Notice
          level="warning"
          title={
            <>
              {check} could not read everything {when}.
            </>
          }
          action={action}
        >
          {why && <p>{why}</p>}
          <p>
            What it did read is on screen.{" "}
            {unread.length > 0 && (
              <>
                Differences in {unread.map((resource) => resourceWords(resource.resource)).join(", ")} may be
                missing.{" "}
              </>
            )}
            Run again when Stripe answers; see {link}.
          </p>
        </Notice>
      );
    }
    default:
      return null;
  }
}
