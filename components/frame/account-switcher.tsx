"use client";

import { ChevronsUpDown } from "lucide-react";
import { usePathname, useRouter, useSearchParams } from "next/navigation";
import { useTransition } from "react";
import { shortId } from "../format/stripe-link.ts";
import { Badge } from "../ui/badge.tsx";
import { Button } from "../ui/button.tsx";
import { cn } from "../ui/cn.ts";
import {
  DropdownMenu,
  DropdownMenuContent,
  DropdownMenuLabel,
  DropdownMenuRadioGroup,
  DropdownMenuRadioItem,
  DropdownMenuSeparator,
  DropdownMenuTrigger,
} from "../ui/dropdown-menu.tsx";
import { titleOfAccount, useInView } from "./accounts.tsx";

const all = "all";

/** Which of several accounts the page is about: every one of them, or one. */
export function AccountSwitcher() {
  const { several, id, accounts, inView } = useInView();
  const router = useRouter();
  const pathname = usePathname();
  const params = useSearchParams();
  const [busy, start] = useTransition();
  if (!several) return null;
  const [one] = inView;
  const title = id === null ? "All accounts" : one ? titleOfAccount(one) : shortId(id);
  const go = (chosen: string) => {
    const next = new URLSearchParams(params);
    // The other account has other rows and other pages.
    for (const name of ["account", "cursor", "before", "id"]) next.delete(name);
    if (chosen !== all) next.set("account", chosen);
    const page = pathname.startsWith("/runs/") ? "/runs" : pathname;
    start(() => router.push(next.size > 0 ? `${page}?${next}` : page));
  };
  const modes = new Set(inView.map((account) => account.livemode));
  return (
    <DropdownMenu>
      <DropdownMenuTrigger asChild>
        <Button
          variant="quiet"
          className={cn("h-7 max-w-32 shrink px-1.5 font-normal sm:max-w-56", busy && "opacity-60")}
        >
          <span className="sr-only">Account: </span>
          {modes.size === 1 && <Mode live={modes.has(true)} className="max-lg:hidden" />}
          <span className="truncate text-ink">{title}</span>
          <ChevronsUpDown aria-hidden className="size-3.5! text-ink-3" />
        </Button>
      </DropdownMenuTrigger>
      <DropdownMenuContent align="end" className="max-h-[70dvh] min-w-64 overflow-y-auto">
        <DropdownMenuLabel>Show</DropdownMenuLabel>
        <DropdownMenuRadioGroup value={id ?? all} onValueChange={go}>
          <DropdownMenuRadioItem value={all}>All accounts</DropdownMenuRadioItem>
          <DropdownMenuSeparator />
          {accounts.map((account) => (
            <DropdownMenuRadioItem
              key={account.name ?? account.id}
              value={account.id ?? ""}
              className="py-1"
              disabled={account.id === null}
            >
              <span className="min-w-0 flex-1">
                <span className="block truncate">{titleOfAccount(account)}</span>
                <span className="block truncate font-mono text-12 leading-4 text-ink-3">
                  {account.id ?? <span className="font-sans">not compared yet</span>}
                </span>
              </span>
              {modes.size > 1 || id !== null ? <Mode live={account.livemode} /> : null}
            </DropdownMenuRadioItem>
          ))}
        </DropdownMenuRadioGroup>
      </DropdownMenuContent>
    </DropdownMenu>
  );
}

/** Whether its money is real. */
function Mode({ live, className }: { live: boolean; className?: string }) {
  return (
    <Badge tone={live ? "neutral" : "outline"} className={cn("tracking-wide", className)}>
      {live ? "LIVE" : "TEST"}
    </Badge>
  );
}
