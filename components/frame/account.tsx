"use client";

import { StripeId } from "../format/stripe-id.tsx";
import { Badge } from "../ui/badge.tsx";
import { AccountSwitcher } from "./account-switcher.tsx";
import { useInView } from "./accounts.tsx";

/** Which account this is about, and whether its money is real; of several, a choice. */
export function Account() {
  const { several, accounts } = useInView();
  const [only] = accounts;
  if (several) return <AccountSwitcher />;
  if (!only?.id) return null;
  return (
    <span className="flex items-center gap-1.5">
      <Badge tone={only.livemode ? "neutral" : "outline"} className="tracking-wide">
        {only.livemode ? "LIVE" : "TEST"}
      </Badge>
      <span className="hidden lg:inline">
        <StripeId id={only.id} />
      </span>
    </span>
  );
}
