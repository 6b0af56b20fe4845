"use client";

import { Command } from "cmdk";
import { useRouter } from "next/navigation";
import { useTheme } from "next-themes";
import { useRef } from "react";
import { Dialog, DialogContent, DialogDescription, DialogTitle } from "../ui/dialog.tsx";
import { Kbd } from "../ui/kbd.tsx";
import { useInView } from "./accounts.tsx";
import { type Command as Offered, offeredCommands } from "./commands.ts";
import { sections } from "./sections.ts";
import { withAccount } from "./with-account.ts";

interface PaletteDialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export default function PaletteDialog({ open, onOpenChange }: PaletteDialogProps) {
  const chosen = useRef<(() => void) | null>(null);
  return (
    <Dialog open={open} onOpenChange={onOpenChange}>
      <DialogContent
        data-palette
        className="sm:max-w-lg"
        // First the focus goes back to where it was: what is chosen may open a dialog, and that one returns it there.
        onCloseAutoFocus={() => {
          const run = chosen.current;
          chosen.current = null;
          if (run) setTimeout(run);
        }}
      >
        <DialogTitle className="sr-only">Commands</DialogTitle>
        <DialogDescription className="sr-only">Type to find one, Enter does it.</DialogDescription>
        <Commands
          onChoose={(run) => {
            chosen.current = run;
            onOpenChange(false);
          }}
        />
      </DialogContent>
    </Dialog>
  );
}

function Commands({ onChoose }: { onChoose: (run: () => void) => void }) {
  const router = useRouter();
  const { setTheme } = useTheme();
  const { id } = useInView();
  const go = (name: string, href: string): Offered => ({
    name,
    run: () => router.push(withAccount(href, id)),
  });
  const groups: [title: string, commands: readonly Offered[]][] = [
    ["On this page", offeredCommands()],
    [
      "Go to",
      [
        ...sections.map(({ name, href }) => go(name, href)),
        ...states.map(({ name, state }) => go(name, `/discrepancies?state=${state}`)),
      ],
    ],
    [
      "Appearance",
      [
        { name: "Light theme", run: () => setTheme("light") },
        { name: "Dark theme", run: () => setTheme("dark") },
        { name: "Theme as the system", run: () => setTheme("system") },
      ],
    ],
  ];
  return (
    <Command label="Commands" className="flex min-h-0 flex-col">
      <Command.Input
        placeholder="What do you want to do?"
        className="h-12 w-full shrink-0 border-b border-line bg-transparent pr-12 pl-5 text-14 outline-none placeholder:text-ink-3"
      />
      <Command.List className="max-h-96 min-h-0 overflow-y-auto p-2">
        <Command.Empty className="px-3 py-4 text-13 text-ink-2">Nothing of that name.</Command.Empty>
        {groups.map(
          ([title, commands]) =>
            commands.length > 0 && (
              <Command.Group
                key={title}
                heading={title}
                className="[&_[cmdk-group-heading]]:px-3 [&_[cmdk-group-heading]]:py-1.5 [&_[cmdk-group-heading]]:text-12 [&_[cmdk-group-heading]]:text-ink-3"
              >
                {commands.map(({ name, keys, run }) => (
                  <Command.Item
                    key={name}
                    value={name}
                    onSelect={() => onChoose(run)}
                    className="flex min-h-9 cursor-pointer items-center gap-3 rounded-md px-3 text-13 data-[selected=true]:bg-hover"
                  >
                    <span className="min-w-0 flex-1">{name}</span>
                    {keys && <Kbd>{keys}</Kbd>}
                  </Command.Item>
                ))}
              </Command.Group>
            ),
        )}
      </Command.List>
    </Command>
  );
}

const states = [
  { name: "Drift: waiting for a second person", state: "waiting" },
  { name: "Drift: snoozed", state: "snoozed" },
  { name: "Drift: fixed", state: "fixed" },
  { name: "Drift: rejected", state: "rejected" },
];
