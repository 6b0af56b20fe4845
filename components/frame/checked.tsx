"use client";

import { Time } from "../format/time.tsx";
import { useInView } from "./accounts.tsx";

/** How fresh the numbers are: when the last run that came to an end with an answer did. Of several accounts the oldest counts. */
export function Checked() {
  const { inView } = useInView();
  const times = inView.flatMap((account) => account.checkedAt ?? []);
  const oldest = times.sort((a, b) => a.getTime() - b.getTime())[0];
  if (!oldest) return <span className="text-12 text-ink-3">Never checked</span>;
  if (times.length < inView.length)
    return (
      <span className="text-12 whitespace-nowrap text-ink-3">
        {times.length} of {inView.length} accounts checked
      </span>
    );
  return (
    <span className="text-12 whitespace-nowrap text-ink-3">
      Checked <Time at={oldest} />
    </span>
  );
}
