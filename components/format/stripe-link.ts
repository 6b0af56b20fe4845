export { stripeLink } from "@/lib/stripe/dashboard.ts";

/** `cus_NffrFeUfNV2Hib` → `cus_NffrF…2Hib`. Prefix and both ends stay: that is what people compare by eye. */
export function shortId(id: string): string {
  const start = id.indexOf("_") + 1;
  const body = id.slice(start);
  return body.length <= 11 ? id : `${id.slice(0, start)}${body.slice(0, 5)}…${body.slice(-4)}`;
}
