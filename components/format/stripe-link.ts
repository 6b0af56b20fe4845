const folders: Record<string, string> = {
  cus: "customers",
  sub: "subscriptions",
  in: "invoices",
  ch: "payments",
  py: "payments",
  pi: "payments",
  re: "refunds",
  pyr: "refunds",
  dp: "disputes",
  du: "disputes",
  po: "payouts",
  evt: "events",
  price: "prices",
  prod: "products",
};

/** Where Stripe's Dashboard shows an object; null for ids that it has no page for. */
export function stripeLink(id: string, livemode: boolean, accountId?: string): string | null {
  const prefix = id.slice(0, id.indexOf("_"));
  const folder = folders[prefix];
  if (!folder) return null;
  const account = accountId ? `/${encodeURIComponent(accountId)}` : "";
  return `https://dashboard.stripe.com${account}${livemode ? "" : "/test"}/${folder}/${encodeURIComponent(id)}`;
}

/** `cus_NffrFeUfNV2Hib` → `cus_NffrF…2Hib`. Prefix and both ends stay: that is what people compare by eye. */
export function shortId(id: string): string {
  const start = id.indexOf("_") + 1;
  const body = id.slice(start);
  return body.length <= 11 ? id : `${id.slice(0, start)}${body.slice(0, 5)}…${body.slice(-4)}`;
}
