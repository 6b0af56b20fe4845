"use client";

import { plural } from "../format/words.ts";
import type { DriftActions, Rights } from "./contract.ts";
import { type FormProps, subjectOf } from "./decision.ts";
import { PreviewFacts } from "./preview-facts.tsx";
import { PreviewForm, usePreview } from "./preview-form.tsx";

/** What would be written, before anybody decides; then one button. */
export function ApplyForm({
  decision,
  busy,
  problem,
  onDecide,
  preview,
  rights,
}: FormProps & { preview: DriftActions["preview"]; rights: Rights }) {
  return (
    <PreviewForm
      title={`Correct ${subjectOf(decision)}`}
      description="Each local record is written only if it still says what is shown here. Nothing changes in Stripe. You can undo corrections afterwards; a record that is added stays."
      answer={usePreview(decision.selection, preview)}
      facts={(facts) => <PreviewFacts preview={facts} />}
      button={({ applicable, needsSecondPerson }) =>
        applicable === 0
          ? null
          : `${needsSecondPerson ? "Ask for" : "Apply"} ${plural(applicable, "fix", "fixes")}`
      }
      decideMoney={rights.decideMoney}
      forbidden="You may not decide this."
      {...{ busy, problem }}
      problemTitle="Nothing was applied."
      onSubmit={(reason) => onDecide({ reason })}
    />
  );
}
