import Link from "next/link";
import type { ByHand } from "@/lib/status/by-hand.ts";
import { durationText } from "../format/clock.ts";
import { StripeId } from "../format/stripe-id.tsx";
import { plural, resourceWords } from "../format/words.ts";
import { Button } from "../ui/button.tsx";
import { Notice } from "../ui/notice.tsx";
import { BothSides } from "./both-sides.tsx";
import { CheckRecord, type CheckRecordAction } from "./check-record.tsx";
import { answerSentence, failureWords } from "./words.ts";

/** What a lookup found: the answer first, where it is from, and both sides. */
export function Found({
  found,
  asked,
  account,
  check,
}: {
  found: ByHand;
  asked: string;
  account: string | null;
  /** Null: whoever looks may not have it checked. */
  check: CheckRecordAction | null;
}) {
  const { looked, records, livemode, accountId } = found;
  const { answer, failure } = looked;
  const ids = [answer.customer, answer.stripeId].filter((id) => id !== null);
  const problem = answer.source === "none" || failure !== null;
  return (
    <div className="max-w-3xl">
      <h2 className="text-16 font-semibold text-balance">{answerSentence(looked)}</h2>
      <div className="mt-1.5 flex flex-wrap items-center gap-x-4 gap-y-1 text-13 text-ink-2">
        {ids.map((id) => (
          <StripeId key={id} id={id} livemode={livemode} {...(accountId !== null && { accountId })} />
        ))}
        <span>{sourceWords(answer.source, answer.ageMs)}</span>
        <form action="/lookup" className="inline-flex">
          <input type="hidden" name="key" value={asked} />
          {account !== null && <input type="hidden" name="in" value={account} />}
          <Button type="submit" size="sm" name="now" value="1">
            Ask Stripe now
          </Button>
        </form>
      </div>
      {problem && failure && (
        <Notice level="warning" title={failureWords[failure]} className="mt-4">
          {answer.source === "none"
            ? `Until it answers again, programs that ask are told to ${answer.access ? "let the customer in" : "keep the customer out"}.`
            : "What you see is the last that was known. It may have changed since."}
        </Notice>
      )}
      {answer.problem !== null && answer.source !== "none" && (
        <Notice level="problem" title="Part of the answer is missing." className="mt-4">
          {answer.problem}. Add it to the mapping.
        </Notice>
      )}
      <Records found={found} account={account} check={check} />
      {records !== null && records.length > 1 && (
        <p className="mt-3 text-13 text-ink-2">
          {plural(records.length, "local record")} claim this customer. Only one of them can be right.
        </p>
      )}
    </div>
  );
}

function sourceWords(source: ByHand["looked"]["answer"]["source"], ageMs: number | null): string {
  const age = durationText(ageMs ?? 0);
  switch (source) {
    case "stripe":
      return "From Stripe, just now";
    case "cache":
      return `From the cache: Stripe said so ${age} ago`;
    case "stale":
      return `Out of date: Stripe said so ${age} ago`;
    case "none":
      return "No answer";
  }
}

function Records({
  found: { records, compared, known, resource, looked },
  account,
  check,
}: Pick<Parameters<typeof Found>[0], "found" | "account" | "check">) {
  const name = resourceWords(resource.name);
  if (records === null || records.length === 0)
    return (
      <p className="mt-4 text-13 text-ink-2">
        {records === null && looked.answer.source === "none"
          ? `Which record in ${name} this is cannot be told without Stripe.`
          : `There is no local record in ${name} for this.`}
      </p>
    );
  return records.map((record) => {
    const differs = compared && record.fields.some((field) => field.differs);
    const difference = known.find((one) => one.localKey === record.key);
    return (
      <section key={record.key} className="mt-4" aria-label={`Record ${record.key}`}>
        <BothSides record={record} compared={compared} />
        <div className="mt-2 flex flex-wrap items-center gap-3 text-13">
          <p className="text-ink-2">
            Record {record.key} in {name}
            {record.label !== null && `, ${record.label}`}.{" "}
            {compared ? (differs ? "The two sides differ." : "Both sides say the same.") : ""}
          </p>
          {difference ? (
            <Button asChild size="sm">
              <Link href={`/discrepancies?id=${difference.id}`}>See the difference</Link>
            </Button>
          ) : (
            differs &&
            check && (
              <CheckRecord check={check} about={{ account, resource: resource.name, keys: [record.key] }} />
            )
          )}
        </div>
      </section>
    );
  });
}
