"use client";

import { useCallback, useEffect } from "react";
import type { DiscrepancyRow } from "@/lib/discrepancies/list.ts";
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
  tick: (id: number) => void;
  decide: (kind: DecisionKind) => void;
  clear: () => void;
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

  const step = (by: 1 | -1) => {
    if (panelOpen) return false;
    const at = rows.findIndex((row) => row.id === current);
    const next = rows[at === -1 ? (by === 1 ? 0 : rows.length - 1) : at + by];
    if (!next) return true;
    setCurrent(next.id);
    focusRow(next.id);
    return true;
  };
  const onCurrent = (act: (id: number) => void) => () => {
    if (panelOpen || current === null || !rows.some((row) => row.id === current)) return false;
    act(current);
    return true;
  };
  const decide = (kind: DecisionKind) => () => {
    if (panelOpen) return false;
    keys.decide(kind);
    return true;
  };
  const down = () => step(1);
  const up = () => step(-1);
  const tick = onCurrent(keys.tick);
  const openCurrent = () =>
    document.activeElement?.matches("a, button, summary") ? false : onCurrent(keys.open)();
  const clear = () => {
    if (panelOpen) return false;
    keys.clear();
    return true;
  };
  useShortcuts({
    j: down,
    ArrowDown: down,
    k: up,
    ArrowUp: up,
    x: tick,
    // On a button or a box the space bar is theirs.
    " ": () => (document.activeElement?.matches("button, summary") ? false : tick()),
    Enter: openCurrent,
    a: decide("apply"),
    r: decide("reject"),
    s: decide("snooze"),
    Escape: clear,
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
