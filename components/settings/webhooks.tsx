import type { WebhookOutcome } from "@/lib/db/schema.ts";
import type { WebhookFacts } from "@/lib/webhooks/facts.ts";
import { Time } from "../format/time.tsx";
import { count } from "../format/words.ts";

/** Where Stripe sends its webhooks, whether they can be believed, and what became of the latest. */
export function Webhooks({ facts }: { facts: WebhookFacts }) {
  const { address, secrets, types, lastReceivedAt, outcomes } = facts;
  const counted = (Object.keys(outcomeWords) as WebhookOutcome[]).filter((outcome) => outcomes[outcome] > 0);
  return (
    <div className="flex flex-col gap-4 text-13">
      <dl className="grid gap-x-6 gap-y-0.5 max-sm:[&>dd]:mb-2 sm:gap-y-2 sm:grid-cols-[10rem_minmax(0,1fr)]">
        <dt className="text-ink-2">Endpoint for Stripe</dt>
        <dd>
          <code className="font-mono text-12 break-all">{address}</code>
          {!address.startsWith("https://") && (
            <p className="mt-1 text-pretty text-ink-2">
              Stripe sends to public https addresses only: set{" "}
              <code className="font-mono text-12">NEXTAUTH_URL</code> to the desk's.
            </p>
          )}
        </dd>
        {secrets.map(({ variable, set, accounts }) => (
          <Secret key={variable} variable={variable} set={set} accounts={accounts} />
        ))}
        <dt className="text-ink-2">Events to choose</dt>
        <dd>
          <details>
            <summary className="cursor-pointer">{count(types.length)} types, by what is mapped</summary>
            <ul className="mt-1 columns-1 gap-x-6 font-mono text-12 break-all text-ink-2 lg:columns-2">
              {types.map((type) => (
                <li key={type}>{type}</li>
              ))}
            </ul>
          </details>
        </dd>
        <dt className="text-ink-2">Last event</dt>
        <dd>{lastReceivedAt ? <Time at={lastReceivedAt} /> : "None has come yet."}</dd>
      </dl>
      {counted.length > 0 && (
        <table className="w-full max-w-xl">
          <caption className="pb-2 text-left text-ink-2">In the last 24 hours</caption>
          <thead className="sr-only">
            <tr>
              <th scope="col">What became of it</th>
              <th scope="col">Requests</th>
            </tr>
          </thead>
          <tbody className="divide-y divide-line border-y border-line">
            {counted.map((outcome) => (
              <tr key={outcome}>
                <th scope="row" className="py-2 pr-4 text-left font-normal text-pretty">
                  <span className="font-medium">{outcomeWords[outcome].name}</span>
                  <span className="block text-ink-2">{outcomeWords[outcome].meaning}</span>
                </th>
                <td className="py-2 text-right align-top tabular-nums">{count(outcomes[outcome])}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

function Secret({ variable, set, accounts }: WebhookFacts["secrets"][number]) {
  const name = <code className="font-mono text-12 break-all">{variable}</code>;
  return (
    <>
      <dt className="text-ink-2">
        Signing secret{accounts.length > 0 && <span className="block">of {accounts.join(", ")}</span>}
      </dt>
      <dd className="text-pretty">
        {set === 0 ? (
          <>Not set: webhooks are refused until {name} holds the endpoint's.</>
        ) : (
          <>
            Set in {name}
            {set > 1 && `: ${count(set)} of them, as while one takes the other's place`}.
          </>
        )}
      </dd>
    </>
  );
}

/** In the order in which they are told: what is good, what does no harm, what somebody has to look into. */
const outcomeWords: Record<WebhookOutcome, { name: string; meaning: string }> = {
  accepted: { name: "Received", meaning: "What they name is looked at a little later." },
  not_mapped: { name: "About nothing that is mapped", meaning: "Noted, and nothing to look at." },
  duplicate: { name: "Sent again", meaning: "They had come before." },
  wrong_mode: {
    name: "Of the other mode",
    meaning: "Test events for a live desk, or live ones for a test desk.",
  },
  other_account: { name: "Of another account", meaning: "The mapping has no such account." },
  unclear_account: {
    name: "Of an account that cannot be told",
    meaning: "Several accounts share one signing secret: refused until each names its own.",
  },
  forged: {
    name: "Signature missing or wrong",
    meaning: "Refused. Somebody else's, or the signing secret here is not the endpoint's.",
  },
  too_old: { name: "Signature too old", meaning: "Refused. Replayed, or this machine's clock is wrong." },
  malformed: { name: "Not an event", meaning: "Refused. Perhaps the endpoint sends thin events." },
  too_large: { name: "Too large", meaning: "Refused before it was read to its end." },
  busy: { name: "Too much at once", meaning: "Turned away for Stripe to send again." },
  no_secret: { name: "Without a signing secret here", meaning: "Refused, since nothing can be believed." },
  failed: { name: "Could not be kept", meaning: "The log says why. Stripe sends them again." },
};
