"use client";

import { debounce, useQueryStates } from "nuqs";
import { useCallback, useTransition } from "react";
import { columnParams, type ListParams, listParams } from "./search-params.ts";

type Change = { [Key in keyof ListParams]?: ListParams[Key] | null };

/** The list's state in the address bar. What the server answers to is asked for anew, and the list starts from its beginning. */
export function useListParams() {
  const [busy, startTransition] = useTransition();
  const [params, set] = useQueryStates(listParams, { startTransition, shallow: false, scroll: false });
  const [{ columns }, setColumns] = useQueryStates(columnParams, { shallow: true });

  const narrow = useCallback(
    (change: Change) => set({ cursor: null, ...change }, { history: "push" }),
    [set],
  );
  /** While somebody types: not every letter is a page of the browser's history, nor a question to the server. */
  const type = useCallback(
    (search: string) =>
      set({ search: search || null, cursor: null }, { history: "replace", limitUrlUpdates: debounce(250) }),
    [set],
  );
  /** The panel is the browser's business alone: the list behind it stays. */
  const show = useCallback(
    (id: number | null, history: "push" | "replace" = "push") => set({ id }, { history, shallow: true }),
    [set],
  );
  const showColumns = useCallback((shown: typeof columns) => setColumns({ columns: shown }), [setColumns]);
  return { params, busy, narrow, type, show, columns, showColumns };
}
