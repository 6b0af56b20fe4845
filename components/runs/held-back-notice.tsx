import Link from "next/link";
import type { RunView } from "@/lib/reconcile/runs.ts";
import { resourceTitle, resourceWords } from "../format/words.ts";
import { withAccount } from "../frame/with-account.ts";
import { Notice } from "../ui/notice.tsx";
import { heldBackIn } from "./figures.ts";

/** Why a run corrected nothing by itself where it could have, and what to do about it. Nothing when it did. */
export function HeldBackNotice({ run }: { run: RunView }) {
  const held = heldBackIn(run);
  if (held.length === 0) return null;
  const account = run.accountName === null ? null : run.accountId;
  return (
    <Notice
      level="warning"
      title={`Nothing was corrected automatically in ${names.format(held.map(({ resource }) => resourceWords(resource)))}.`}
    >
      {held.map(({ resource, heldBack }) => (
        <p key={resource}>
          {held.length > 1 && `${resourceTitle(resource)}: `}
          {heldBack}{" "}
          <Link
            href={withAccount(`/discrepancies?${new URLSearchParams({ resource })}`, account)}
            className="link"
          >
            Look at {held.length > 1 ? resourceWords(resource) : "them"}
          </Link>
        </p>
      ))}
      <p>
        All of it waits for a person. If what Stripe says is right, apply it. If it looks wrong, apply nothing
        and have the key and the mapping checked under{" "}
        <Link href="/settings" className="link">
          Settings
        </Link>
        .
      </p>
    </Notice>
  );
}

const names = new Intl.ListFormat("en");
