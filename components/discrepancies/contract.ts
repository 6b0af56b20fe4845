import type { BulkAction } from "@/lib/db/schema.ts";
import type { BulkItemView } from "@/lib/fixes/bulk.ts";
import type { Preview } from "@/lib/fixes/preview.ts";
import type { RevertRequest, UndoneSelection } from "@/lib/fixes/revert.ts";
import type { RevertPreview } from "@/lib/fixes/revert-preview.ts";
import type { Selection } from "@/lib/fixes/selection.ts";
import type { Checked } from "@/lib/reconcile/check-again.ts";

/** What a server action answers: a value, or a sentence for the person with a code for tests. */
export type Answer<T> = { ok: true; value: T } | { ok: false; code: string; message: string };

export type DecisionKind = "apply" | "reject" | "snooze";

export interface DecisionRequest {
  kind: DecisionKind;
  selection: Selection;
  reason?: string | undefined;
  until?: Date | undefined;
  requestKey: string;
}

/** How an action stands; once it has ended, with the rows that did not go as decided. */
export interface BulkReport {
  bulk: BulkAction;
  problems: BulkItemView[];
}

/** The server actions by which something is undone. */
export interface RevertActions {
  previewRevert(undo: UndoneSelection): Promise<Answer<RevertPreview>>;
  revert(request: RevertRequest): Promise<Answer<BulkReport>>;
}

/** The server actions of the list, handed down from the page: components never import it. */
export interface DriftActions extends RevertActions {
  preview(selection: Selection): Promise<Answer<Preview>>;
  decide(request: DecisionRequest): Promise<Answer<BulkReport>>;
  approve(bulkId: number): Promise<Answer<BulkReport>>;
  /** Stops it, takes it back, or, as a second person, declines it with a reason. */
  decline(bulkId: number, reason?: string): Promise<Answer<BulkReport>>;
  follow(bulkId: number): Promise<Answer<BulkReport>>;
  /** Looks at a difference again, on both sides and now. */
  check(discrepancyId: number): Promise<Answer<Checked>>;
}

/** What the signed-in person may do here. The server asks again with every request. */
export interface Rights {
  email: string;
  decide: boolean;
  decideMoney: boolean;
  bulk: boolean;
  check: boolean;
}
