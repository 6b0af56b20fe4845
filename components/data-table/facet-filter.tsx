"use client";

import { Command } from "cmdk";
import { Check, ChevronDown } from "lucide-react";
import { useState } from "react";
import { Button } from "@/components/ui/button.tsx";
import { cn } from "@/components/ui/cn.ts";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/ui/popover.tsx";
import type { Count } from "@/lib/discrepancies/totals.ts";

export interface FacetOption {
  value: string;
  label: string;
  /** Undefined while it is being counted, and where nobody knows. */
  count?: Count | undefined;
}

interface FacetFilterProps {
  title: string;
  options: readonly FacetOption[];
  chosen: readonly string[];
  onChange: (chosen: string[]) => void;
  /** Called when it opens, so that counting costs nothing until somebody looks. */
  onOpen?: () => void;
  /** One value that replaces the other, instead of several at once. */
  single?: boolean;
}

/** One filter: its button names what is chosen, its list counts what each value would show. */
export function FacetFilter({ title, options, chosen, onChange, onOpen, single }: FacetFilterProps) {
  const [open, setOpen] = useState(false);
  const first = options.find((option) => option.value === chosen[0])?.label ?? chosen[0];
  const choose = (value: string) => {
    const isChosen = chosen.includes(value);
    if (single) {
      onChange(isChosen ? [] : [value]);
      setOpen(false);
    } else onChange(isChosen ? chosen.filter((other) => other !== value) : [...chosen, value]);
  };
  return (
    <Popover
      open={open}
      onOpenChange={(next) => {
        setOpen(next);
        if (next) onOpen?.();
      }}
    >
      <PopoverTrigger asChild>
        <Button
          data-filter
          variant={chosen.length > 0 ? "secondary" : "quiet"}
          className={cn("max-w-64 gap-1 px-2 font-normal", chosen.length > 0 && "bg-selected shadow-none")}
        >
          <span className={cn(chosen.length > 0 && "text-ink-3")}>{title}</span>
          {first && <span className="truncate font-medium">{first}</span>}
          {chosen.length > 1 && <span className="text-ink-3">+{chosen.length - 1}</span>}
          <ChevronDown aria-hidden className="size-3! text-ink-3" />
        </Button>
      </PopoverTrigger>
      <PopoverContent aria-label={title} className="w-66 p-0">
        <Command label={title}>
          {/* Also where there are few, out of sight: it has the focus, and tells a screen reader where the arrows are. */}
          <Command.Input
            placeholder={`Find ${title.toLowerCase()}…`}
            className={
              options.length > 8
                ? "h-9 w-full border-b border-line bg-transparent px-3 text-13 outline-none placeholder:text-ink-3"
                : "sr-only"
            }
          />
          <Command.List className="max-h-80 overflow-y-auto p-1">
            <Command.Empty className="px-2 py-3 text-13 text-ink-3">Nothing of that name.</Command.Empty>
            {options.map((option) => {
              const isChosen = chosen.includes(option.value);
              return (
                <Command.Item
                  key={option.value}
                  value={option.value}
                  keywords={[option.label]}
                  aria-checked={isChosen}
                  onSelect={() => choose(option.value)}
                  className="flex h-8 cursor-pointer items-center gap-2 rounded-md px-2 data-[selected=true]:bg-hover"
                >
                  <span
                    aria-hidden
                    className={cn(
                      "grid size-4 shrink-0 place-items-center rounded-sm border border-line-strong text-action-ink",
                      single && "rounded-full",
                      isChosen && "border-action bg-action",
                    )}
                  >
                    {isChosen && <Check className="size-3" strokeWidth={3} />}
                  </span>
                  <span className="min-w-0 flex-1 truncate" title={option.label}>
                    {option.label}
                  </span>
                  <span className="text-12 text-ink-3">{option.count && countText(option.count)}</span>
                </Command.Item>
              );
            })}
          </Command.List>
        </Command>
        {chosen.length > 0 && (
          <div className="border-t border-line p-1">
            <Button variant="quiet" size="sm" className="w-full justify-start" onClick={() => onChange([])}>
              Clear {title.toLowerCase()}
            </Button>
          </div>
        )}
      </PopoverContent>
    </Popover>
  );
}

/** "At least none" says nothing. */
const countText = ({ count, more }: Count) =>
  count === 0 && more ? "" : `${count.toLocaleString("en-US")}${more ? "+" : ""}`;
