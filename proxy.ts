import { type NextRequest, NextResponse } from "next/server";

/**
 * Runs before every page and route: the security headers, and a first look for a session. Whether the session is
 * good, and what it may do, is decided in each page and route again.
 */
export function proxy(request: NextRequest): NextResponse {
  const { pathname, search } = request.nextUrl;
  if (!isOpen(pathname) && !hasSession(request) && !hasBearer(request)) {
    if (pathname.startsWith("/api/"))
      return secured(
        NextResponse.json(
          { code: "not_signed_in", message: "Sign in first; the answer is for people of this desk." },
          { status: 401 },
        ),
      );
    const address = request.nextUrl.clone();
    address.pathname = "/sign-in";
    address.search = pathname === "/" ? "" : `?${new URLSearchParams({ next: pathname + search })}`;
    return secured(NextResponse.redirect(address));
  }
  const policy = contentSecurityPolicy(crypto.randomUUID());
  const headers = new Headers(request.headers);
  // Next takes the nonce for its own scripts from here.
  headers.set("content-security-policy", policy);
  const response = NextResponse.next({ request: { headers } });
  response.headers.set("content-security-policy", policy);
  return secured(response);
}

export const config = {
  // Webhooks come with a signature instead of a session. Next keeps a copy of each body that passes here, up to 10 MB: what is
  // brought is larger, and its route checks everything by itself.
  matcher: ["/((?!_next/static|_next/image|favicon.ico|icon.svg|api/webhooks/|api/imports$).*)"],
};

/** These check by themselves who asks: a session is made there, or a token takes its place. */
function isOpen(pathname: string): boolean {
  return (
    pathname === "/sign-in" ||
    pathname === "/api/health" ||
    pathname === "/api/health/live" ||
    pathname.startsWith("/api/auth/") ||
    pathname.startsWith("/api/cron/")
  );
}

function hasSession(request: NextRequest): boolean {
  return request.cookies
    .getAll()
    .some(({ name }) => /^(__Secure-)?next-auth\.session-token(\.\d+)?$/.test(name));
}

/** A program with an API token: for routes only, and each route that takes one checks it. */
function hasBearer(request: NextRequest): boolean {
  return (
    request.nextUrl.pathname.startsWith("/api/") &&
    /^Bearer /i.test(request.headers.get("authorization") ?? "")
  );
}

function contentSecurityPolicy(nonce: string): string {
  const development = process.env.NODE_ENV === "development";
  return [
    "default-src 'self'",
    // In development React rebuilds the server's stack traces with eval.
    `script-src 'self' 'nonce-${nonce}' 'strict-dynamic'${development ? " 'unsafe-eval'" : ""}`,
    // Menus, dialogs and charts are placed by style attributes, which no nonce can vouch for.
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self'",
    `connect-src 'self'${development ? " ws:" : ""}`,
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join("; ");
}

function secured(response: NextResponse): NextResponse {
  response.headers.set("x-content-type-options", "nosniff");
  // Addresses hold customers' ids and searches.
  response.headers.set("referrer-policy", "same-origin");
  response.headers.set("permissions-policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()");
  response.headers.set("x-frame-options", "DENY");
  return response;
}
