"use client";

import { useCallback, useEffect, useRef } from "react";
import type { DiscrepancyRow } from "@/lib/discrepancies/list.ts";
import { type Picked, pick, tickedRows } from "@/lib/discrepancies/picked.ts";
import type { DecisionKind } from "./contract.ts";
import { useShortcuts } from "./shortcuts.ts";

interface ListKeys {
  rows: readonly DiscrepancyRow[];
  /** The row that the keyboard stands on. */
  current: number | null;
  setCurrent: (id: number) => void;
  /** The panel has keys of its own for deciding and for going on. */
  panelOpen: boolean;
  open: (id: number) => void;
  picked: Picked;
  /** Null where rows cannot be selected. */
  setPicked: ((picked: Picked) => void) | null;
  decide: (kind: DecisionKind) => void;
  clear: () => void;
  /** To the next page of the list, or the one before; false where there is none. */
  turn: (by: 1 | -1) => boolean;
  group: () => void;
  undo: () => void;
  help: () => void;
}

/** The list by keyboard alone. The row that the keyboard stands on has the focus, so that a screen reader reads it. */
export function useListKeys(keys: ListKeys) {
  const { rows, current, setCurrent, panelOpen } = keys;
  const focusRow = useCallback((id: number) => {
    // The panel closes first, and on a narrow screen the list is not there before that.
    requestAnimationFrame(() =>
      document.querySelector<HTMLElement>(`[data-row="${id}"] [data-opens]`)?.focus(),
    );
  }, []);
  // Whoever comes by Tab stands on that row too.
  useEffect(() => {
    const listen = (event: FocusEvent) => {
      const row = event.target instanceof Element && event.target.closest("[data-row]");
      if (row) setCurrent(Number(row.getAttribute("data-row")));
    };
    document.addEventListener("focusin", listen);
    return () => document.removeEventListener("focusin", listen);
  }, [setCurrent]);

  const place = useFocusThatStays(rows, current, panelOpen, setCurrent, focusRow);
  const { extend, forget } = useRange(keys);
  const step = (by: 1 | -1, selecting = false) => {
    if (panelOpen) return false;
    const at = rows.findIndex((row) => row.id === current);
    const next = rows[at === -1 ? (by === 1 ? 0 : rows.length - 1) : at + by];
    if (!next) return true;
    if (selecting && current !== null) extend(current, next.id);
    else forget();
    setCurrent(next.id);
    focusRow(next.id);
    return true;
  };
  const onCurrent = (act: (id: number) => void) => () => {
    if (panelOpen || current === null || !rows.some((row) => row.id === current)) return false;
    act(current);
    return true;
  };
  /** All or none of them. */
  const tickAll = (ids: readonly number[]) => {
    forget();
    const ticked = tickedRows(keys.picked, rows);
    const all = ids.every((id) => ticked[id]);
    const rest = Object.entries(ticked).filter(([id]) => !ids.includes(Number(id)));
    keys.setPicked?.(
      pick(keys.picked, Object.fromEntries([...rest, ...(all ? [] : ids.map((id) => [id, true]))]), rows),
    );
  };
  const decide = (kind: DecisionKind) => () => {
    if (panelOpen) return false;
    keys.decide(kind);
    return true;
  };
  const turn = (by: 1 | -1) => () => {
    if (panelOpen || !keys.turn(by)) return false;
    // What had the focus goes with its page: the new one is read from its beginning.
    place.current = 0;
    return true;
  };
  const group = () => {
    if (panelOpen) return false;
    keys.group();
    return true;
  };
  const down = () => step(1);
  const up = () => step(-1);
  const tick = onCurrent((id) => tickAll([id]));
  const tickPage = () => {
    if (panelOpen) return false;
    tickAll(rows.map((row) => row.id));
    return true;
  };
  const selectDown = () => step(1, true);
  const selectUp = () => step(-1, true);
  const openCurrent = () =>
    document.activeElement?.matches("a, button, summary") ? false : onCurrent(keys.open)();
  const clear = () => {
    if (panelOpen) return false;
    forget();
    keys.clear();
    return true;
  };
  useShortcuts({
    j: down,
    ArrowDown: down,
    k: up,
    ArrowUp: up,
    J: selectDown,
    "Shift+ArrowDown": selectDown,
    K: selectUp,
    "Shift+ArrowUp": selectUp,
    A: tickPage,
    "]": turn(1),
    "[": turn(-1),
    g: group,
    x: tick,
    // On a button or a box the space bar is theirs.
    " ": () => (document.activeElement?.matches("button, summary") ? false : tick()),
    Enter: openCurrent,
    a: decide("apply"),
    r: decide("reject"),
    s: decide("snooze"),
    Escape: clear,
    u: () => {
      if (panelOpen) return false;
      keys.undo();
      return true;
    },
    f: () => {
      document.querySelector<HTMLElement>("[data-filter]")?.click();
      return true;
    },
    "/": () => {
      document.querySelector<HTMLElement>("[data-search]")?.focus();
      return true;
    },
    "?": () => {
      keys.help();
      return true;
    },
  });
  return { focusRow };
}

/** Rows between where Shift was first held and where the keyboard is now, on top of what was selected before. */
function useRange({ rows, picked, setPicked }: ListKeys) {
  const range = useRef<{ anchor: number; before: Picked } | null>(null);
  const extend = (from: number, to: number) => {
    range.current ??= { anchor: from, before: picked };
    const { anchor, before } = range.current;
    const ends = [anchor, to].map((id) => rows.findIndex((row) => row.id === id)).sort((a, b) => a - b);
    const [first = 0, last = 0] = ends;
    const between = rows.slice(Math.max(0, first), last + 1).map((row) => [row.id, true] as const);
    setPicked?.(pick(before, { ...tickedRows(before, rows), ...Object.fromEntries(between) }, rows));
  };
  const forget = () => {
    range.current = null;
  };
  return { extend, forget };
}

/** The row that had the focus was decided and has left the list: the one in its place gets it, or what stands there instead. */
function useFocusThatStays(
  rows: readonly DiscrepancyRow[],
  current: number | null,
  panelOpen: boolean,
  setCurrent: (id: number) => void,
  focusRow: (id: number) => void,
) {
  const place = useRef(0);
  useEffect(() => {
    if (current === null || panelOpen) return;
    const at = rows.findIndex((row) => row.id === current);
    if (at >= 0) {
      place.current = at;
      return;
    }
    if (document.activeElement !== document.body) return;
    const next = rows[Math.min(place.current, rows.length - 1)];
    if (!next) return document.getElementById("main")?.focus();
    setCurrent(next.id);
    focusRow(next.id);
  }, [rows, current, panelOpen, setCurrent, focusRow]);
  return place;
}
