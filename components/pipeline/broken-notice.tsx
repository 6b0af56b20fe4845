import type { EndpointHealth } from "@/lib/diagnose/pipeline-health.ts";
import { Time } from "../format/time.tsx";
import { plural } from "../format/words.ts";
import { Notice } from "../ui/notice.tsx";
import { endpointName } from "./endpoint-name.ts";

/** Since when an endpoint takes nothing, what that means, and what to do. */
export function BrokenNotice({ endpoint, livemode }: { endpoint: EndpointHealth; livemode: boolean }) {
  const { endpoint: id, brokenSince, types, undelivered } = endpoint;
  const broken = types.filter((type) => type.broken).map((type) => type.type);
  const single = /^we_\w+$/.test(id);
  const dashboard = `https://dashboard.stripe.com${livemode ? "" : "/test"}/webhooks${single ? `/${id}` : ""}`;
  return (
    <Notice
      level="problem"
      title={
        <>
          Events do not arrive at {endpointName(endpoint)}
          {brokenSince && (
            <>
              {" "}
              since <Time at={brokenSince} style="exact" />
            </>
          )}
          .
        </>
      }
    >
      <p>
        {plural(undelivered, "event")} undelivered{broken.length > 0 && `: ${broken.join(", ")}`}. What
        changed at Stripe since then is not in your records, unless something else brought it there.
      </p>
      <ol className="mt-2 list-decimal space-y-1 pl-5">
        <li>
          Look in{" "}
          <a href={dashboard} target="_blank" rel="noreferrer" className="link">
            Stripe's Dashboard
          </a>{" "}
          at what the endpoint answers, and tell whoever runs the app.
        </li>
        <li>Run a check here: it shows which customers are hit, and you can correct their records.</li>
        <li>
          Once the app answers again, Stripe sends by itself what it could not deliver in the last three days.
          Older events are not sent again; a check finds what they would have changed.
        </li>
      </ol>
    </Notice>
  );
}
