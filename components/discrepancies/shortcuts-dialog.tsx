"use client";

import { Checkbox } from "../ui/checkbox.tsx";
import {
  Dialog,
  DialogBody,
  DialogContent,
  DialogDescription,
  DialogHeader,
  DialogTitle,
} from "../ui/dialog.tsx";
import { Kbd } from "../ui/kbd.tsx";
import { switchShortcuts, useShortcutsOn } from "./shortcuts.ts";

const row: [keys: string[], what: string, ticks?: boolean][] = [
  [["j", "↓"], "Next row"],
  [["k", "↑"], "Previous row"],
  [["Enter"], "Open the row"],
  [["x", "Space"], "Select the row", true],
  [["⇧ j", "⇧ k"], "Select down, up", true],
  [["⇧ a"], "Select the page", true],
  [["Esc"], "Clear the selection", true],
  [["a"], "Approve selection, or row"],
  [["r"], "Reject"],
  [["s"], "Snooze"],
  [["u"], "Undo your last correction"],
];
const list: [keys: string[], what: string][] = [
  [["/"], "Search this list"],
  [["f"], "Filter; Tab for the others"],
  [["g"], "Group by change"],
  [["]", "["], "Next, previous page"],
];
const panel: [keys: string[], what: string][] = [
  [["j", "k"], "Next, previous difference"],
  [["a"], "Approve and apply"],
  [["x"], "Reject"],
  [["s"], "Snooze"],
  [["r"], "Check again"],
  [["u"], "Undo this fix"],
  [["Esc"], "Close"],
];

const dialog: [keys: string[], what: string][] = [
  [["Ctrl ↵", "⌘ ↵"], "Do it"],
  [["Esc"], "Leave it"],
];

export function ShortcutsDialog({
  open,
  onOpenChange,
  ticks,
}: {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  /** Whether rows can be selected. */
  ticks: boolean;
}) {
  const on = useShortcutsOn();
  return (
    <Dialog open={open} onOpenChange={onOpenChange}>
      <DialogContent className="sm:max-w-lg md:max-w-4xl">
        <DialogHeader>
          <DialogTitle>Shortcuts</DialogTitle>
          <DialogDescription>
            Everything here also works with Tab and Enter, or by its name: <Kbd>Ctrl .</Kbd> (on a Mac{" "}
            <Kbd>⌘ .</Kbd>) lists what can be done, on every page.
          </DialogDescription>
        </DialogHeader>
        <DialogBody className="grid gap-x-8 gap-y-4 md:grid-cols-3">
          <Keys title="In the list" keys={row.filter(([, , needsTicks]) => ticks || !needsTicks)} />
          <Keys title="In the panel" keys={panel} />
          <div className="flex flex-col gap-4">
            <Keys title="The list as a whole" keys={list} />
            <Keys title="In a dialog" keys={dialog} />
          </div>
          {/* biome-ignore lint/a11y/noLabelWithoutControl: the box is a button with the role of one. */}
          <label className="flex items-center gap-2.5 text-13 md:col-span-3">
            <Checkbox checked={on} onCheckedChange={(checked) => switchShortcuts(checked === true)} />
            Keys of a single letter act at once
          </label>
        </DialogBody>
      </DialogContent>
    </Dialog>
  );
}

function Keys({ title, keys }: { title: string; keys: readonly [string[], string, boolean?][] }) {
  return (
    <section>
      <h3 className="mb-1 text-12 font-medium text-ink-3">{title}</h3>
      <dl className="text-13">
        {keys.map(([names, what]) => (
          <div key={what} className="flex min-h-8 items-center justify-between gap-3">
            <dt>{what}</dt>
            <dd className="flex shrink-0 gap-1">
              {names.map((name) => (
                <Kbd key={name}>{name}</Kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
