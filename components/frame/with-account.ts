/** The same address, narrowed to an account as the present page is; null leaves it as it is. */
export function withAccount(href: string, account: string | null | undefined): string {
  if (!account) return href;
  return `${href}${href.includes("?") ? "&" : "?"}${new URLSearchParams({ account })}`;
}
