import type { NextAuthOptions } from "next-auth";
import credentialsModule from "next-auth/providers/credentials";
import type { Desks } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { type SignedIn, signInByVoucher, signInWithPassword } from "./sign-in.ts";

/** A working day: nobody signs in twice in one, and a forgotten session does not live for weeks. */
const sessionSeconds = 12 * 60 * 60;

interface OidcProfile {
  sub: string;
  email?: string;
  email_verified?: boolean;
  name?: string;
}

/** next-auth's options. The session cookie holds an address and a mark; rights come from the users table each time. */
export function authOptions(desk: Desks, secret: string): NextAuthOptions {
  const { oidc } = desk.environment;
  return {
    secret,
    pages: { signIn: "/sign-in", error: "/sign-in" },
    session: { strategy: "jwt", maxAge: sessionSeconds },
    useSecureCookies: desk.environment.nextAuthUrl.startsWith("https:"),
    providers: [
      credentialsProvider({
        credentials: { email: { type: "email" }, password: { type: "password" } },
        authorize: (given, request) => checkPassword(desk, given, request.headers),
      }),
      ...(oidc
        ? [
            {
              id: "oidc",
              name: oidc.name,
              type: "oauth" as const,
              wellKnown: `${oidc.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`,
              clientId: oidc.clientId,
              clientSecret: oidc.clientSecret,
              authorization: { params: { scope: "openid email profile" } },
              idToken: true,
              checks: ["pkce" as const, "state" as const, "nonce" as const],
              profile: (profile: OidcProfile) => ({
                id: profile.sub,
                email: profile.email ?? null,
                name: profile.name ?? null,
              }),
            },
          ]
        : []),
    ],
    callbacks: {
      async signIn({ user, account, profile }) {
        if (account?.provider !== "oidc") return true;
        const verified = (profile as OidcProfile | undefined)?.email_verified !== false;
        const signedIn = await signInByVoucher(desk, { email: user.email, verified });
        if (signedIn) Object.assign(user, signedIn);
        return signedIn !== null;
      },
      // At sign-in `user` is what the provider answered; later the cookie's own content comes through unchanged.
      jwt: ({ token, user }) =>
        user
          ? { email: user.email, mark: (user as Partial<SignedIn>).mark, by: (user as Partial<SignedIn>).by }
          : token,
      session: ({ session, token }) => ({
        ...session,
        user: { email: token.email },
        mark: token.mark,
        by: token.by,
      }),
    },
    logger: {
      error(code, metadata) {
        // Anybody can send a cookie that is none of ours.
        const level = code === "JWT_SESSION_ERROR" ? "debug" : "error";
        desk.log[level]({ code, reason: reasonOf(metadata) }, "next-auth");
      },
      warn: (code) => desk.log.debug({ code }, "next-auth"),
    },
  };
}

async function checkPassword(
  desk: Desks,
  given: Record<string, string> | undefined,
  headers: Record<string, string | string[] | undefined> | undefined,
) {
  const email = String(given?.email ?? "");
  const password = String(given?.password ?? "");
  // The last one is what the nearest proxy, or the web server itself, has seen.
  const address = String(headers?.["x-forwarded-for"] ?? "")
    .split(",")
    .at(-1);
  try {
    const signedIn = await signInWithPassword(desk, { email, password, address: address?.trim() ?? "" });
    return { id: signedIn.email, ...signedIn };
  } catch (error) {
    if (!(error instanceof DriftdeskError)) {
      desk.log.error(error, "sign-in failed");
      throw new Error("sign_in_broken");
    }
    // next-auth hands the message on to the sign-in page, as `error`.
    throw new Error(error.code);
  }
}

function reasonOf(metadata: unknown): string | undefined {
  return metadata instanceof Error ? metadata.message : undefined;
}

// The package is CommonJS: bundlers and Node disagree about where its default export is.
const credentialsProvider =
  "default" in credentialsModule
    ? (credentialsModule.default as typeof credentialsModule)
    : credentialsModule;
