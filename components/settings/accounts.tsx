import type { AccountLine } from "@/lib/accounts/list.ts";
import type { Config } from "@/lib/config/resource.ts";
import { StripeId } from "../format/stripe-id.tsx";
import { count } from "../format/words.ts";
import { Badge } from "../ui/badge.tsx";

/** The Stripe accounts of the config: where each one's key is, never the key, and how often it may be asked. */
export function Accounts({
  accounts,
  configs,
}: {
  accounts: readonly AccountLine[];
  configs: readonly Config[];
}) {
  return (
    <ul className="divide-y divide-line overflow-hidden rounded-lg border border-line text-13">
      {accounts.map(({ id, livemode }, n) => {
        const { account, pace } = configs[n] as Config;
        return (
          <li key={account.name} className="px-4 py-3">
            <h3 className="flex flex-wrap items-center gap-x-2 gap-y-1">
              <span className="font-medium">{account.name}</span>
              <Badge tone={livemode ? "neutral" : "outline"} className="tracking-wide">
                {livemode ? "LIVE" : "TEST"}
              </Badge>
              <span className="ml-auto">
                {id ? <StripeId id={id} full /> : <span className="text-ink-3">not compared yet</span>}
              </span>
            </h3>
            <p className="mt-1 text-pretty text-ink-2">
              {account.stripeAccount
                ? "A connected account, asked with its platform's key in "
                : "Asked with the key in "}
              <code className="font-mono text-12 break-all">{account.key}</code>, at most{" "}
              {count(pace.requestsPerSecond)} times a second, {count(pace.perEndpoint)} times for a single
              endpoint.
              {account.id === undefined && " No id is pinned: the key alone says which account it is."}
            </p>
          </li>
        );
      })}
    </ul>
  );
}
