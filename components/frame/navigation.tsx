"use client";

import Link from "next/link";
import { usePathname } from "next/navigation";
import { Fragment } from "react";
import { count } from "../format/words.ts";
import { cn } from "../ui/cn.ts";
import { useInView } from "./accounts.tsx";
import { isCurrent, sections } from "./sections.ts";
import { withAccount } from "./with-account.ts";

/** The sections: down the side on wide screens, along the bottom on phones. */
export function Navigation({ place }: { place: "side" | "bottom" }) {
  const pathname = usePathname();
  const { id, open, waiting } = useInView();
  const openText = open > 0 ? count(open) : "";
  return (
    <nav
      aria-label="Sections"
      className={place === "side" ? "flex flex-col gap-0.5" : "grid auto-cols-fr grid-flow-col"}
    >
      {sections.map(({ href, name, icon: Icon }) => {
        const drift = href === "/discrepancies";
        const badge = drift ? openText : "";
        return (
          <Fragment key={href}>
            <Link
              href={withAccount(href, id)}
              aria-current={isCurrent(href, pathname) ? "page" : undefined}
              className={cn(
                "group relative text-ink-2 transition-colors duration-100 hover:text-ink aria-[current=page]:text-ink",
                place === "side"
                  ? "flex h-8 items-center gap-2.5 rounded-md px-2 text-13 font-medium hover:bg-hover aria-[current=page]:bg-selected"
                  : "flex h-14 flex-col items-center justify-center gap-1 text-12 -outline-offset-2",
              )}
            >
              <Icon
                aria-hidden
                strokeWidth={1.75}
                className={cn(
                  "text-ink-3 group-hover:text-ink-2 group-aria-[current=page]:text-ink",
                  place === "side" ? "size-4" : "size-5",
                )}
              />
              {name}
              {badge && (
                <span
                  className={
                    place === "side"
                      ? "ml-auto text-12 font-normal text-ink-3 group-aria-[current=page]:text-ink-2"
                      : "absolute top-1.5 left-1/2 ml-2 rounded-full bg-action px-1 text-[10px] leading-4 font-medium text-action-ink"
                  }
                >
                  {badge}
                  <span className="sr-only"> open</span>
                </span>
              )}
              {drift && waiting > 0 && place === "bottom" && (
                <span className="absolute top-1.5 right-1/2 mr-3 rounded-full border border-line-strong bg-surface px-1 text-[10px] leading-3.5 font-medium text-ink">
                  {waiting}
                  <span className="sr-only"> waiting for you</span>
                </span>
              )}
            </Link>
            {drift && waiting > 0 && place === "side" && (
              <Link
                href="/discrepancies?state=waiting"
                className="ml-6.5 flex h-7 items-center rounded-md px-2 text-12 font-medium text-ink hover:bg-hover"
              >
                {count(waiting)} {waiting === 1 ? "waits" : "wait"} for you
              </Link>
            )}
          </Fragment>
        );
      })}
    </nav>
  );
}
