import Stripe from "stripe";
import { DriftdeskError } from "../errors.ts";

export interface Verdict {
  error: Error;
  again: boolean;
  limited: boolean;
  reason?: string | undefined;
}

/** Who asked, for messages. */
interface Asker {
  keyVariable?: string | undefined;
  stripeAccount?: string | undefined;
}

/** What a failed request means, and whether to ask again. Messages of ours never carry the key. */
export function judge(
  failure: unknown,
  endpoint: string,
  { keyVariable = "STRIPE_SECRET_KEY", stripeAccount }: Asker,
): Verdict {
  if (!(failure instanceof Stripe.errors.StripeError)) {
    return {
      error: failure instanceof Error ? failure : new Error(String(failure)),
      again: false,
      limited: false,
    };
  }
  const fail = (code: string, message: string, again = false, limited = false): Verdict => ({
    error: new DriftdeskError(code, message, { status: 502 }),
    again,
    limited,
    reason: headerOf(failure, "stripe-rate-limited-reason"),
  });
  const request = failure.requestId ? ` (Stripe's request ${failure.requestId})` : "";
  const shouldRetry = headerOf(failure, "stripe-should-retry");
  // Another request has the object just now: that says nothing about the pace.
  const locked = failure.code === "lock_timeout";
  if (failure.statusCode === 429 && !locked)
    return fail(
      "stripe_rate_limited",
      `Stripe kept refusing to ${endpoint}: too many requests${request}. Lower pace in the config.`,
      true,
      true,
    );
  if (failure.statusCode === 401)
    return fail(
      "stripe_key_rejected",
      `Stripe rejects ${keyVariable}${request}. Create a restricted key with read permissions and set it.`,
    );
  if (failure.code === "account_invalid" || /does not have access to account/.test(failure.message))
    return fail(
      "stripe_account_unknown",
      `The key in ${keyVariable} has no access to ${stripeAccount ?? "the account"}, or there is no such account${request}. Take the key of its platform, and look whether it is still connected.`,
    );
  if (failure.statusCode === 403)
    return fail(
      "stripe_permission_missing",
      `The key in ${keyVariable} may not ${endpoint}${request}. Give the restricted key read permission for it.`,
    );
  if (failure.code === "resource_missing" && failure.param === "starting_after")
    return fail(
      "stripe_cursor_gone",
      `The object at which to go on with ${endpoint} was deleted meanwhile${request}.`,
    );
  const again =
    locked ||
    shouldRetry === "true" ||
    (shouldRetry !== "false" &&
      (failure.statusCode === undefined ||
        failure.statusCode === 409 ||
        failure.statusCode >= 500 ||
        failure.statusCode === 200));
  if (again)
    return fail(
      "stripe_unreachable",
      `Stripe could not be asked to ${endpoint}: ${failure.type}${request}. Try again when it is back.`,
      true,
    );
  return fail(
    "stripe_request_invalid",
    `Stripe did not accept the request to ${endpoint}: ${failure.message}${request}`,
  );
}

function headerOf(error: Stripe.errors.StripeError, name: string): string | undefined {
  const value: unknown = error.headers?.[name];
  return typeof value === "string" ? value : undefined;
}
