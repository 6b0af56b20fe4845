"use client";

import { ArrowUpRight, Check } from "lucide-react";
import { useEffect, useState } from "react";
import { cn } from "../ui/cn.ts";
import { Tooltip } from "../ui/tooltip.tsx";
import { shortId, stripeLink } from "./stripe-link.ts";

/** An id: shortened in the middle, copied by a click, opened in Stripe's Dashboard by its arrow. */
export function StripeId({
  id,
  livemode,
  accountId,
  full,
  className,
}: {
  id: string;
  /** Without it there is no link: the id is not Stripe's, or its mode is not known. */
  livemode?: boolean;
  accountId?: string;
  full?: boolean;
  className?: string;
}) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [copied]);
  const link = livemode === undefined ? null : stripeLink(id, livemode, accountId);
  return (
    <span className={cn("inline-flex items-center gap-0.5 align-baseline", className)}>
      <Tooltip content={copied ? "Copied" : <span className="font-mono break-all">{id}</span>}>
        <button
          type="button"
          aria-description={`Copies ${id}`}
          onClick={(event) => {
            event.stopPropagation();
            void navigator.clipboard.writeText(id).then(() => setCopied(true));
          }}
          className="inline-flex h-6 items-center gap-1 rounded-sm font-mono text-12 whitespace-nowrap text-ink-2 decoration-line-strong underline-offset-3 hover:text-ink hover:underline"
        >
          {full ? id : shortId(id)}
          {copied && <Check aria-hidden className="size-3 text-fixed" />}
        </button>
      </Tooltip>
      <span aria-live="polite" className="sr-only">
        {copied ? "Copied" : ""}
      </span>
      {link && (
        <a
          href={link}
          target="_blank"
          rel="noreferrer"
          aria-label={`Open ${id} in Stripe`}
          onClick={(event) => event.stopPropagation()}
          className="inline-flex size-6 items-center justify-center rounded-sm text-ink-3 hover:bg-hover hover:text-ink"
        >
          <ArrowUpRight aria-hidden className="size-3.5" />
        </a>
      )}
    </span>
  );
}
