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
