import { inWords } from "@/lib/discrepancies/sides.ts";
import type { Looked } from "@/lib/status/lookup.ts";

/** The answer as a sentence for somebody with the customer on the phone. */
export function answerSentence({ answer }: Looked): string {
  const { found, access, status, source } = answer;
  if (source === "none") return "Stripe does not answer just now, and nothing is known from before.";
  const should = `The customer should have ${access ? "access" : "no access"}.`;
  if (found === false) return `Stripe has nothing for this customer. ${should}`;
  if (answer.problem !== null && status === null)
    return "Stripe says something that your mapping has no word for.";
  return `Stripe says ${inWords(status)}. ${should}`;
}

/** Why Stripe was not asked, or did not answer, and what that means. */
export const failureWords: Record<NonNullable<Looked["failure"]>, string> = {
  late: "Stripe has not answered in time.",
  stripe: "Stripe could not be asked, or answered with an error.",
  resting: "Stripe has failed several times in a row, so it is left alone for a few seconds.",
  busy: "More lookups are on their way than Stripe takes in time.",
  records: "Your own database could not say whom this is about.",
};
