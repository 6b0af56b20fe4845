"use client";

import { createColumnHelper } from "@tanstack/react-table";
import { FileSpreadsheet } from "lucide-react";
import type { DiscrepancyState } from "@/lib/db/schema.ts";
import type { DiscrepancyRow } from "@/lib/discrepancies/list.ts";
import type { DataTableFeatures } from "../data-table/features.ts";
import { CauseLabel } from "../format/cause-label.tsx";
import { ImpactBadge } from "../format/impact-badge.tsx";
import { Money } from "../format/money.tsx";
import { shortId } from "../format/stripe-link.ts";
import { Time } from "../format/time.tsx";
import { actorWords, kindWords, resourceTitle, resourceWords } from "../format/words.ts";
import { AccountLabel } from "../frame/accounts.tsx";
import { Checkbox } from "../ui/checkbox.tsx";
import { Difference, titleOf } from "./difference.tsx";

const helper = createColumnHelper<DataTableFeatures, DiscrepancyRow>();

interface ColumnOptions {
  /** The list's state: what is not open any more says who decided, and when. */
  state: DiscrepancyState;
  /** Whether rows can be ticked. */
  ticks: boolean;
  hrefOf: (row: DiscrepancyRow) => string;
  open: (row: DiscrepancyRow) => void;
}

/** The list's columns. What a narrow list has no room for is left out by its width, the customer's cell then says more. */
export function driftColumns({ state, ticks, hrefOf, open }: ColumnOptions) {
  const tick = helper.display({
    id: "tick",
    enableHiding: false,
    header: ({ table }) => (
      <Checkbox
        aria-label="Select every row of this page"
        checked={
          table.getIsAllRowsSelected() ? true : table.getIsSomeRowsSelected() ? "indeterminate" : false
        }
        onClick={() => table.toggleAllRowsSelected(!table.getIsAllRowsSelected())}
      />
    ),
    cell: ({ row }) => (
      <Checkbox
        aria-label={`Select ${titleOf(row.original)}`}
        checked={row.getIsSelected()}
        // The table's handler looks at the event as an input's: what it will be, and whether Shift was held.
        onClick={(event) =>
          row.getToggleSelectedHandler()({
            target: { checked: !row.getIsSelected() },
            shiftKey: event.shiftKey,
          })
        }
      />
    ),
    meta: { title: "Select", className: "w-10 @4xl:w-12" },
  });
  const rest = helper.columns([
    helper.accessor((row) => titleOf(row), {
      id: "label",
      header: "Customer",
      enableHiding: false,
      meta: { title: "Customer", className: "@2xl:w-[30%]" },
      cell: ({ row }) => <Customer row={row.original} href={hrefOf(row.original)} onOpen={open} />,
    }),
    helper.display({
      id: "differs",
      header: "What differs",
      meta: { title: "What differs", className: "hidden @2xl:table-cell" },
      cell: ({ row }) => <Difference row={row.original} />,
    }),
    helper.accessor("impact", {
      header: "Impact",
      meta: { title: "Impact", className: "w-27" },
      cell: ({ row }) => <ImpactBadge impact={row.original.impact} />,
    }),
    helper.accessor("amountMinor", {
      id: "amount",
      header: "At stake",
      meta: { title: "At stake", className: "hidden w-28 @3xl:table-cell", align: "right" },
      cell: ({ row: { original: row } }) =>
        row.amountMinor > 0 && <Money amountMinor={row.amountMinor} currency={row.currency} />,
    }),
    helper.display({
      id: "why",
      header: "Why",
      meta: { title: "Why", className: "hidden w-34 @4xl:table-cell" },
      cell: ({ row }) => <CauseLabel cause={row.original.cause} />,
    }),
    helper.display({
      id: "kind",
      header: "Kind",
      meta: { title: "Kind", className: "hidden w-34 truncate @4xl:table-cell" },
      cell: ({ row }) => kindWords[row.original.kind].short,
    }),
    helper.display({
      id: "resource",
      header: "Resource",
      meta: { title: "Resource", className: "hidden w-32 truncate @4xl:table-cell" },
      cell: ({ row }) => resourceTitle(row.original.resource),
    }),
    helper.accessor((row) => row.openedAt, {
      id: "age",
      header: "Age",
      meta: { title: "Age", className: "hidden w-20 @md:table-cell", align: "right" },
      cell: ({ row }) => <Time at={row.original.openedAt} style="age" className="text-ink-2" />,
    }),
  ]);
  const decided = helper.display({
    id: "decided",
    enableHiding: false,
    header: state === "snoozed" ? "Comes back" : state === "resolved" ? "Agreed again" : "Decided",
    meta: { title: "Decided", className: "hidden w-40 @4xl:table-cell" },
    cell: ({ row }) => <Decided row={row.original} />,
  });
  return [...(ticks ? [tick] : []), ...rest, ...(state === "open" ? [] : [decided])];
}

/** Whom it is about; where the list is narrow, also what differs. */
function Customer({
  row,
  href,
  onOpen,
}: {
  row: DiscrepancyRow;
  href: string;
  onOpen: (row: DiscrepancyRow) => void;
}) {
  return (
    <span className="flex min-w-0 flex-col py-1.5">
      <span className="flex min-w-0 items-center gap-2">
        <a
          href={href}
          data-opens
          onClick={(event) => {
            if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
            event.preventDefault();
            onOpen(row);
          }}
          className="truncate rounded-sm font-medium outline-offset-1"
        >
          {titleOf(row)}
        </a>
        <AccountLabel id={row.accountId} />
        {row.word && (
          <span
            title={row.localNewer ? "By a file's word; our record was changed since" : "By a file's word"}
            className="inline-flex shrink-0 items-center gap-1 text-12 text-ink-3"
          >
            <FileSpreadsheet aria-hidden className="size-3.5" />
            <span className="sr-only">by a file's word</span>
            {row.localNewer && <span className="text-unpaid">older</span>}
          </span>
        )}
      </span>
      <span className="hidden truncate text-12 text-ink-3 @2xl:inline">
        {resourceWords(row.resource)}
        {row.stripeId && row.stripeId !== titleOf(row) && (
          <span className="font-mono"> {shortId(row.stripeId)}</span>
        )}
        {row.kind === "duplicate" && row.localKey && <> record {shortId(row.localKey)}</>}
      </span>
      <span className="min-w-0 text-12 @2xl:hidden">
        <Difference row={row} />
      </span>
    </span>
  );
}

/** Who decided when, or when it comes back. */
function Decided({ row }: { row: DiscrepancyRow }) {
  const at =
    row.state === "snoozed" ? row.snoozedUntil : row.state === "resolved" ? row.closedAt : row.decidedAt;
  const who =
    row.state === "snoozed" || row.state === "resolved"
      ? null
      : row.decidedBy && actorWords(row.decidedBy).split("@")[0];
  return (
    <span className="block truncate text-ink-2" title={row.decidedBy ?? undefined}>
      {who && `${who} · `}
      {at && <Time at={at} />}
    </span>
  );
}
