// Where an object stands in Stripe's own dashboard, told by the prefix of its id.
const pages: Record<string, string> = {
  cus: "customers",
  sub: "subscriptions",
  in: "invoices",
  ch: "payments",
  py: "payments",
  pi: "payments",
  dp: "disputes",
  du: "disputes",
  po: "payouts",
};

/** Null for ids that have no page of their own there, like refunds. */
export function dashboardUrl(id: string, account: { id: string; livemode: boolean }): string | null {
  const page = pages[id.split("_")[0] ?? ""];
  if (!page || !/^[A-Za-z0-9_]+$/.test(id) || !/^[A-Za-z0-9_]+$/.test(account.id)) return null;
  return `https://dashboard.stripe.com/${account.id}/${account.livemode ? "" : "test/"}${page}/${id}`;
}
