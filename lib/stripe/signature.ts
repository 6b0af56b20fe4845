import Stripe from "stripe";

/** How old a signature may be, in seconds. */
const toleranceSeconds = 300;

export type Signed =
  /** `secrets`: those of the given ones that it was signed with. */
  | { outcome: "signed"; payload: unknown; secrets: string[] }
  /** `too_old` and `malformed` were signed with one of the secrets. */
  | { outcome: "forged" | "too_old" | "malformed" };

/** Whether a raw body was signed with one of the secrets, lately by our clock; and what is in it. */
export function readSigned(body: Buffer, header: string, secrets: readonly string[], now: Date): Signed {
  const check = (secret: string, tolerance: number) =>
    Stripe.webhooks.constructEvent(body, header, secret, tolerance, undefined, now.getTime());
  let refused: "forged" | "too_old" = "forged";
  const fitting: string[] = [];
  let payload: unknown;
  for (const secret of secrets) {
    try {
      payload = check(secret, toleranceSeconds);
      fitting.push(secret);
    } catch (error) {
      // What is signed and cannot be read: no JSON, or a thin event, which names nothing but an address.
      if (!isRefusal(error)) return { outcome: "malformed" };
      if (isOld(header, now) && isGenuine(() => check(secret, 0))) refused = "too_old";
    }
  }
  return fitting.length > 0 ? { outcome: "signed", payload, secrets: fitting } : { outcome: refused };
}

const isRefusal = (error: unknown) => error instanceof Stripe.errors.StripeSignatureVerificationError;

/** Told from what the header claims, which says nothing about who signed it. */
function isOld(header: string, now: Date): boolean {
  const claimed = /(?:^|,)t=(\d+)/.exec(header)?.[1];
  return claimed !== undefined && now.getTime() / 1000 - Number(claimed) > toleranceSeconds;
}

/** Apart from its age. */
function isGenuine(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch (error) {
    return !isRefusal(error);
  }
}
