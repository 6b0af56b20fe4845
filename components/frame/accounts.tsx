"use client";

import { useSearchParams } from "next/navigation";
import { createContext, type ReactNode, use } from "react";
import type { AccountLine } from "@/lib/accounts/list.ts";
import { shortId } from "../format/stripe-link.ts";
import { Badge } from "../ui/badge.tsx";

/** An account with what the frame says about it. */
export interface AccountState extends AccountLine {
  /** How much is open. */
  open: number;
  /** The run under way. */
  runningId: number | null;
  /** When the last run that came to an end with an answer did. */
  checkedAt: Date | null;
}

export interface Frame {
  accounts: readonly AccountState[];
  /** How much is open over all of them, and whatever accounts there were before. */
  open: number;
  /** How many actions wait for the reader to agree to them. */
  waiting: number;
}

const FrameContext = createContext<Frame>({ accounts: [], open: 0, waiting: 0 });

export function FrameProvider({ frame, children }: { frame: Frame; children: ReactNode }) {
  return <FrameContext value={frame}>{children}</FrameContext>;
}

/** What the page is narrowed to. With one account it is never narrowed. */
export function useInView() {
  const { accounts, open, waiting } = use(FrameContext);
  const asked = useSearchParams().get("account");
  const several = accounts.length > 1;
  const id = several ? asked : null;
  const inView = id === null ? accounts : accounts.filter((account) => account.id === id);
  const counted = id === null ? open : (inView[0]?.open ?? 0);
  return { several, id, accounts, inView, open: counted, waiting };
}

/** What people call an account. */
export const titleOfAccount = (account: { name: string | null; id: string | null }): string =>
  account.name ?? (account.id ? shortId(account.id) : "Not compared yet");

/** Which of several accounts something is about; nothing where there is one, or where the page is about one. */
export function AccountLabel({
  id,
  name,
  always,
}: {
  id?: string | null | undefined;
  /** Where the id is not known yet. */
  name?: string | null | undefined;
  /** Also on a page that is narrowed to one account. */
  always?: boolean;
}) {
  const { several, id: inView, accounts } = useInView();
  if (!several || (inView !== null && !always)) return null;
  const known = accounts.find((account) => account.id === id && id) ?? { name: name ?? null, id: id ?? null };
  if (known.name === null && known.id === null) return null;
  return (
    <Badge tone="outline" className="max-w-28 shrink-0 font-normal">
      <span className="sr-only">Account </span>
      <span className="truncate">{titleOfAccount(known)}</span>
    </Badge>
  );
}
