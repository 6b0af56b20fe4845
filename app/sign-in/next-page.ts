/** The page to go to after sign-in: a path of this site and nothing else, or the overview. */
export function safeNext(given: string | string[] | undefined): string {
  const asked = Array.isArray(given) ? given[0] : given;
  if (!asked) return "/";
  // Resolved as a browser would: "//elsewhere", "/\elsewhere" and full addresses show their true host here.
  const here = "http://desk.invalid";
  const url = URL.canParse(asked, here) ? new URL(asked, here) : null;
  if (!url || !asked.startsWith("/") || url.origin !== here || url.pathname.startsWith("/sign-in"))
    return "/";
  return `${url.pathname}${url.search}`;
}
