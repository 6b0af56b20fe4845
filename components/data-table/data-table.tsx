"use client";

import type { ReactTable, RowData } from "@tanstack/react-table";
import { ArrowDown, ArrowUp, ArrowUpDown } from "lucide-react";
import { cn } from "@/components/ui/cn.ts";
import type { DataTableFeatures } from "./features.ts";

interface DataTableProps<Row extends RowData> {
  table: ReactTable<DataTableFeatures, Row>;
  /** Read to people who cannot see it. */
  label: string;
  /** The row that the keyboard stands on. */
  currentId?: string | undefined;
  /** The row whose panel is open. */
  openId?: string | undefined;
  onOpen?: ((row: Row) => void) | undefined;
  busy?: boolean | undefined;
}

/** A table's markup: sticky header, sortable columns, rows that open on click. */
export function DataTable<Row extends RowData>(props: DataTableProps<Row>) {
  const { table } = props;
  return (
    <table
      aria-label={props.label}
      aria-busy={props.busy}
      className={cn("w-full table-fixed border-collapse text-13", props.busy && "opacity-60")}
    >
      <thead className="sticky top-12 z-10 bg-surface">
        {table.getHeaderGroups().map((group) => (
          <tr key={group.id} className="border-b border-line">
            {group.headers.map((header) => {
              const { meta } = header.column.columnDef;
              const sorted = header.column.getCanSort() ? header.column.getIsSorted() : undefined;
              return (
                <th
                  key={header.id}
                  scope="col"
                  aria-sort={
                    sorted === undefined
                      ? undefined
                      : sorted === "asc"
                        ? "ascending"
                        : sorted === "desc"
                          ? "descending"
                          : "none"
                  }
                  className={cn(
                    "h-9 px-2 text-left text-12 font-medium text-ink-3 first:pl-4 last:pr-4 @4xl:first:pl-6 @4xl:last:pr-6",
                    meta?.align === "right" && "text-right",
                    meta?.className,
                  )}
                >
                  {sorted === undefined ? (
                    <table.FlexRender header={header} />
                  ) : (
                    <SortButton
                      sorted={sorted}
                      align={meta?.align}
                      onClick={header.column.getToggleSortingHandler()}
                    >
                      <table.FlexRender header={header} />
                    </SortButton>
                  )}
                </th>
              );
            })}
          </tr>
        ))}
      </thead>
      <tbody>
        {table.getRowModel().rows.map((row) => (
          // Clicking anywhere on a row opens it; the keyboard has the link in its first text cell for that.
          <tr
            key={row.id}
            data-row={row.id}
            data-current={row.id === props.currentId || undefined}
            data-open={row.id === props.openId || undefined}
            data-selected={row.getIsSelected() || undefined}
            onClick={(event) => {
              if (!isControl(event.target)) props.onOpen?.(row.original);
            }}
            className={cn(
              "group/row cursor-default scroll-mt-24 scroll-mb-16 border-b border-line hover:bg-hover",
              "data-selected:bg-selected data-open:bg-selected data-current:shadow-[inset_2px_0_0_var(--ink)]",
            )}
          >
            {row.getVisibleCells().map((cell) => (
              <td
                key={cell.id}
                className={cn(
                  "h-11 px-2 align-middle first:pl-4 last:pr-4 @4xl:first:pl-6 @4xl:last:pr-6",
                  cell.column.columnDef.meta?.align === "right" && "text-right",
                  cell.column.columnDef.meta?.className,
                )}
              >
                <table.FlexRender cell={cell} />
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const isControl = (target: EventTarget): boolean =>
  target instanceof Element && target.closest("button, a, input, label, [role=checkbox]") !== null;

interface SortButtonProps {
  sorted: false | "asc" | "desc";
  align: "right" | undefined;
  onClick: ((event: unknown) => void) | undefined;
  children: React.ReactNode;
}

function SortButton({ sorted, align, onClick, children }: SortButtonProps) {
  const Arrow = sorted === "asc" ? ArrowUp : sorted === "desc" ? ArrowDown : ArrowUpDown;
  return (
    <button
      type="button"
      onClick={onClick}
      className={cn(
        "group/sort -mx-1 inline-flex h-7 items-center gap-1 rounded-sm px-1 hover:text-ink",
        align === "right" && "flex-row-reverse",
      )}
    >
      {children}
      <Arrow
        aria-hidden
        className={cn(
          "size-3",
          sorted ? "text-ink" : "opacity-0 group-hover/sort:opacity-60 group-focus-visible/sort:opacity-60",
        )}
      />
    </button>
  );
}
