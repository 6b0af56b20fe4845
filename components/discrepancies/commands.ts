import type { Command } from "../frame/commands.ts";
import type { DecisionKind } from "./contract.ts";
import type { useListParams } from "./use-list-params.ts";
import { viewOf, views } from "./views.ts";

interface DriftCommands {
  decisions: readonly DecisionKind[];
  decide: (kind: DecisionKind) => void;
  undo: () => void;
  group: () => void;
  help: () => void;
  narrow: ReturnType<typeof useListParams>["narrow"];
}

const decisionWords: Record<DecisionKind, { name: string; keys: string }> = {
  apply: { name: "Approve what is selected, or the row…", keys: "a" },
  reject: { name: "Reject it…", keys: "r" },
  snooze: { name: "Snooze it…", keys: "s" },
};

/** What the list offers to the palette. */
export const driftCommands = ({ decisions, decide, undo, group, help, narrow }: DriftCommands): Command[] => [
  ...decisions.map((kind) => ({ ...decisionWords[kind], run: () => decide(kind) })),
  ...views.map(({ name, filter }) => ({ name: `Show: ${name}`, run: () => void narrow(viewOf(filter)) })),
  {
    name: "Search this list",
    keys: "/",
    run: () => document.querySelector<HTMLElement>("[data-search]")?.focus(),
  },
  { name: "Group by change, or not", keys: "g", run: group },
  { name: "Undo your last correction…", keys: "u", run: undo },
  { name: "Shortcuts", keys: "?", run: help },
];
