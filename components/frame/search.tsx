"use client";

import { Search as Glass } from "lucide-react";
import { useRouter } from "next/navigation";
import { useEffect, useRef } from "react";
import { Kbd } from "../ui/kbd.tsx";
import { useInView } from "./accounts.tsx";
import { withAccount } from "./with-account.ts";

/** Goes to Drift with what was typed; ⌘K or Ctrl K from anywhere. */
export function Search() {
  const router = useRouter();
  const input = useRef<HTMLInputElement>(null);
  const { id } = useInView();
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || !(event.metaKey || event.ctrlKey)) return;
      event.preventDefault();
      input.current?.focus();
      input.current?.select();
    };
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, []);
  return (
    <search className="min-w-0 flex-1">
      <form
        action="/discrepancies"
        className="relative flex max-w-96 items-center"
        onSubmit={(event) => {
          event.preventDefault();
          const text = input.current?.value.trim() ?? "";
          const query = text ? `?${new URLSearchParams({ search: text })}` : "";
          router.push(withAccount(`/discrepancies${query}`, id));
        }}
      >
        {id !== null && <input type="hidden" name="account" value={id} />}
        <Glass aria-hidden className="pointer-events-none absolute left-2.5 size-4 text-ink-3" />
        <input
          ref={input}
          name="search"
          type="search"
          aria-label="Search customers and ids"
          aria-keyshortcuts="Meta+K Control+K"
          placeholder="Search customers, ids…"
          autoComplete="off"
          maxLength={200}
          className="h-8 w-full rounded-md border border-transparent bg-sunken pr-2 pl-8 text-13 placeholder:text-ink-3 hover:bg-hover focus-visible:-outline-offset-1 md:pr-12 [&::-webkit-search-cancel-button]:hidden"
        />
        <Kbd className="pointer-events-none absolute right-2 hidden md:inline-flex">⌘K</Kbd>
      </form>
    </search>
  );
}
