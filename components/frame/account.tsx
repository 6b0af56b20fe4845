import { StripeId } from "../format/stripe-id.tsx";
import { Badge } from "../ui/badge.tsx";

/** Which account this is about, and whether its money is real. */
export function Account({ account }: { account: { id: string; livemode: boolean } | null }) {
  if (!account) return null;
  return (
    <span className="flex items-center gap-1.5">
      <Badge tone={account.livemode ? "neutral" : "outline"} className="tracking-wide">
        {account.livemode ? "LIVE" : "TEST"}
      </Badge>
      <span className="hidden lg:inline">
        <StripeId id={account.id} />
      </span>
    </span>
  );
}
