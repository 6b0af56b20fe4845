"use client";

import { ChevronsUpDown, LogOut } from "lucide-react";
import { signOut } from "next-auth/react";
import type { Role } from "@/lib/db/schema.ts";
import { roleWords } from "../format/words.ts";
import { Button } from "../ui/button.tsx";
import {
  DropdownMenu,
  DropdownMenuContent,
  DropdownMenuItem,
  DropdownMenuLabel,
  DropdownMenuSeparator,
  DropdownMenuTrigger,
} from "../ui/dropdown-menu.tsx";

export interface Person {
  email: string;
  name: string;
  role: Role;
}

export function PersonMenu({ person, compact }: { person: Person; compact?: boolean }) {
  const initials = person.name
    .split(/\s+/)
    .map((word) => word.charAt(0))
    .slice(0, 2)
    .join("");
  const face = (
    <span
      aria-hidden
      className="flex size-6 shrink-0 items-center justify-center rounded-full bg-selected text-[10px] font-semibold text-ink-2"
    >
      {initials}
    </span>
  );
  return (
    <DropdownMenu>
      <DropdownMenuTrigger asChild>
        {compact ? (
          <Button variant="quiet" size="icon">
            {face}
            <span className="sr-only">
              {person.name}, {roleWords[person.role].long}
            </span>
          </Button>
        ) : (
          <Button variant="quiet" className="h-10 min-w-0 flex-1 shrink justify-start gap-2.5 px-2">
            {face}
            <span className="min-w-0 text-left leading-4">
              <span className="block truncate text-13 text-ink">{person.name}</span>
              <span className="block text-12 font-normal text-ink-3">{roleWords[person.role].long}</span>
            </span>
            <ChevronsUpDown aria-hidden className="ml-auto size-3.5! text-ink-3" />
          </Button>
        )}
      </DropdownMenuTrigger>
      <DropdownMenuContent className="min-w-56">
        <DropdownMenuLabel className="font-normal">
          <span className="block truncate text-13 text-ink">{person.email}</span>
          <span className="block text-pretty">
            {roleWords[person.role].long}. {roleWords[person.role].meaning}
          </span>
        </DropdownMenuLabel>
        <DropdownMenuSeparator />
        <DropdownMenuItem onSelect={() => void signOut({ callbackUrl: "/sign-in" })}>
          <LogOut aria-hidden />
          Sign out
        </DropdownMenuItem>
      </DropdownMenuContent>
    </DropdownMenu>
  );
}
