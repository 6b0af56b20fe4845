"use client";

import { useTable } from "@tanstack/react-table";
import { type ReactNode, useCallback, useMemo, useState } from "react";
import type { ChangeCount } from "@/lib/discrepancies/facets.ts";
import type { DiscrepancyFilter } from "@/lib/discrepancies/filter.ts";
import type { DiscrepancyPage, DiscrepancyRow } from "@/lib/discrepancies/list.ts";
import {
  letGoOfChanged,
  nothingPicked,
  type Picked,
  pick,
  pickedCount,
  selectionOf,
  tickedRows,
  toSelection,
} from "@/lib/discrepancies/picked.ts";
import type { SortKey } from "@/lib/discrepancies/sort.ts";
import { RevertDialog } from "../bulks/revert-dialog.tsx";
import { DataTable } from "../data-table/data-table.tsx";
import { dataTableFeatures } from "../data-table/features.ts";
import { useCommands } from "../frame/commands.ts";
import { cn } from "../ui/cn.ts";
import { isDecidable } from "./allowed.ts";
import { ChangeGroups } from "./change-groups.tsx";
import { driftColumns } from "./columns.tsx";
import { driftCommands } from "./commands.ts";
import type { DecisionKind, DriftActions, Rights } from "./contract.ts";
import type { Decision } from "./decision.ts";
import { DecisionDialog } from "./decision-dialog.tsx";
import { ListFooter } from "./list-footer.tsx";
import { Panel } from "./panel.tsx";
import { listHref, optionalColumns } from "./search-params.ts";
import { ShortcutsDialog } from "./shortcuts-dialog.tsx";
import { Toolbar } from "./toolbar.tsx";
import { useLastDecision } from "./use-last-decision.ts";
import { useListKeys } from "./use-list-keys.ts";
import { useListParams } from "./use-list-params.ts";

export interface DriftProps {
  page: DiscrepancyPage;
  /** What the page was asked for. */
  filter: DiscrepancyFilter;
  /** When it was read: what changed later is not part of "all that match". */
  loadedAt: Date;
  rights: Rights;
  actions: DriftActions;
  /** Names of the mapped resources. */
  resources: readonly string[];
  /** When the list is summed up by change. */
  groups: ChangeCount[] | null;
  /** What stands above the list: heading, notices, tabs. */
  heading: ReactNode;
  /** Shown in place of the rows when there are none. */
  empty: ReactNode;
}

/** The list, and beside it the one difference that is looked at. */
export function Drift(props: DriftProps) {
  const { page, filter, loadedAt, rights, actions } = props;
  const list = useListParams();
  const { params, narrow, show } = list;
  const [picked, setPicked] = usePicked(page.rows, filter);
  const [decision, setDecision] = useState<Decision | null>(null);
  const [helpOpen, setHelpOpen] = useState(false);
  const [current, setCurrent] = useState<number | null>(null);
  const last = useLastDecision();
  const openId = params.id;
  const decisions = (["apply", "reject", "snooze"] as const).filter((kind) =>
    isDecidable(kind, filter.state),
  );
  const ticks = rights.bulk && decisions.length > 0;

  const open = useCallback(
    (id: number) => {
      setCurrent(id);
      show(id);
    },
    [show],
  );
  const table = useDriftTable({ ...props, ticks, list, picked, setPicked, open });

  const decide = (kind: DecisionKind, row?: DiscrepancyRow) => {
    if (row) setDecision({ kind, selection: selectionOf(row), total: { count: 1, more: false }, row });
    else if (pickedCount(picked).count > 0)
      setDecision({ kind, selection: toSelection(picked), total: pickedCount(picked) });
  };
  const byKey = (kind: DecisionKind) => {
    if (!decisions.includes(kind)) return;
    if (pickedCount(picked).count > 0) return decide(kind);
    const row = page.rows.find((each) => each.id === current);
    if (row && rights.decide) decide(kind, row);
  };
  const group = () => void narrow({ grouped: params.grouped ? null : true });
  const { focusRow } = useListKeys({
    rows: page.rows,
    current,
    setCurrent,
    panelOpen: openId !== null,
    open,
    picked,
    setPicked: ticks ? setPicked : null,
    decide: byKey,
    clear: () => setPicked(nothingPicked),
    turn: (by) => {
      const cursor = by === 1 ? page.next : page.previous;
      if (cursor !== null) void narrow({ cursor });
      return cursor !== null;
    },
    group,
    undo: last.undo,
    help: () => setHelpOpen(true),
  });
  useCommands(
    driftCommands({
      decisions: pickedCount(picked).count > 0 || openId === null ? decisions : [],
      decide: byKey,
      undo: last.undo,
      group,
      help: () => setHelpOpen(true),
      narrow,
    }),
  );
  const close = () => {
    show(null);
    if (openId !== null) focusRow(openId);
  };

  return (
    <div className="flex items-start">
      <div
        className={cn(
          "@container flex min-h-[calc(100dvh-6.5rem)] min-w-0 flex-1 flex-col md:min-h-[calc(100dvh-3rem)]",
          openId !== null && "max-lg:hidden",
        )}
      >
        {props.heading}
        <Toolbar
          table={table}
          list={list}
          resources={props.resources}
          total={page.total}
          stamp={loadedAt.getTime()}
        />
        {props.groups && (
          <ChangeGroups
            groups={props.groups}
            chosen={params.change}
            onChoose={(change) => narrow({ change })}
          />
        )}
        <div className="border-t border-line">
          {page.rows.length > 0 ? (
            <DataTable
              table={table}
              label="Differences"
              currentId={current === null ? undefined : String(current)}
              openId={openId === null ? undefined : String(openId)}
              onOpen={(row) => open(row.id)}
              busy={list.busy}
            />
          ) : (
            props.empty
          )}
        </div>
        <ListFooter
          page={page}
          picked={picked}
          decisions={decisions}
          rights={rights}
          atStart={params.cursor === null}
          onGo={(cursor) => narrow({ cursor })}
          onPickAll={() => setPicked({ kind: "all", filter, seenUntil: loadedAt, total: page.total })}
          onClear={() => setPicked(nothingPicked)}
          onDecide={(kind) => decide(kind)}
          onHelp={() => setHelpOpen(true)}
        />
      </div>
      {openId !== null && (
        <Panel
          id={openId}
          glance={page.rows.find((row) => row.id === openId) ?? null}
          query={listHref({ ...params, id: null, cursor: null, grouped: null })}
          stamp={loadedAt.getTime()}
          total={page.total}
          beside={besideOf(page.rows, openId)}
          rights={rights}
          onShow={(id) => {
            setCurrent(id);
            show(id, "replace");
          }}
          onClose={close}
          onDecide={decide}
          actions={actions}
        />
      )}
      <DecisionDialog
        decision={decision}
        actions={actions}
        rights={rights}
        onDone={(bulkId) => {
          setPicked(nothingPicked);
          if (decision) last.remember(decision, bulkId);
        }}
        onClose={() => setDecision(null)}
      />
      <RevertDialog {...last.dialog} actions={actions} rights={rights} />
      <ShortcutsDialog open={helpOpen} onOpenChange={setHelpOpen} ticks={ticks} />
    </div>
  );
}

/** Next to a row, as far as this page of the list knows. */
function besideOf(
  rows: readonly DiscrepancyRow[],
  id: number,
): { previous: number | null; next: number | null } {
  const at = rows.findIndex((row) => row.id === id);
  const [previous, next] = at === -1 ? [] : [rows[at - 1], rows[at + 1]];
  return { previous: previous?.id ?? null, next: next?.id ?? null };
}

/** Ticks stay across pages and filters; "all that match" ends with its filter, and everything with the tab. */
function usePicked(rows: readonly DiscrepancyRow[], filter: DiscrepancyFilter) {
  const [held, setPicked] = useState<Picked>(nothingPicked);
  const asked = JSON.stringify(filter);
  const [last, setLast] = useState({ asked, state: filter.state });
  if (last.asked !== asked) {
    setLast({ asked, state: filter.state });
    if (held.kind === "all" || last.state !== filter.state) setPicked(nothingPicked);
  }
  return [useMemo(() => letGoOfChanged(held, rows), [held, rows]), setPicked] as const;
}

interface DriftTableOptions extends Pick<DriftProps, "page" | "filter"> {
  ticks: boolean;
  list: ReturnType<typeof useListParams>;
  picked: Picked;
  setPicked: (picked: Picked) => void;
  open: (id: number) => void;
}

function useDriftTable({ page, filter, ticks, list, picked, setPicked, open }: DriftTableOptions) {
  const { params, narrow, columns: shown, showColumns } = list;
  const columns = useMemo(
    () =>
      driftColumns({
        state: filter.state,
        ticks,
        hrefOf: (row) => `/discrepancies${listHref({ ...params, id: row.id })}`,
        open: (row) => open(row.id),
      }),
    [filter.state, ticks, params, open],
  );
  const sorting = [{ id: params.sort, desc: params.direction === "desc" }];
  const rowSelection = tickedRows(picked, page.rows);
  const columnVisibility = Object.fromEntries(optionalColumns.map((id) => [id, shown.includes(id)]));
  return useTable({
    features: dataTableFeatures,
    columns,
    data: page.rows,
    getRowId: (row) => String(row.id),
    manualSorting: true,
    enableSortingRemoval: false,
    enableMultiSort: false,
    sortDescFirst: true,
    state: { sorting, rowSelection, columnVisibility },
    onSortingChange: (change) => {
      const [next] = typeof change === "function" ? change(sorting) : change;
      if (next) narrow({ sort: next.id as SortKey, direction: next.desc ? "desc" : "asc" });
    },
    onRowSelectionChange: (change) =>
      setPicked(pick(picked, typeof change === "function" ? change(rowSelection) : change, page.rows)),
    onColumnVisibilityChange: (change) => {
      const next = typeof change === "function" ? change(columnVisibility) : change;
      showColumns(optionalColumns.filter((id) => next[id]));
    },
  });
}
