// An OpenID Connect provider that lives on this machine: whoever is asked to sign in is `person`, at once. For tests.
import { createHash, generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface Provider {
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** Who is at the browser. */
  person: { email: string; emailVerified: boolean };
  close(): Promise<void>;
}

interface Granted {
  nonce: string | null;
  challenge: string | null;
  redirectUri: string;
}

export async function startProvider(): Promise<Provider> {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const client = { clientId: "driftdesk", clientSecret: "a secret of the desk" };
  const granted = new Map<string, Granted>();
  const person = { email: "nobody@example.com", emailVerified: true };
  const server = createServer((request, response) => void answer(request, response));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "/", issuer);
    if (pathname === "/.well-known/openid-configuration") return json(response, discovery(issuer));
    if (pathname === "/jwks")
      return json(response, {
        keys: [{ ...publicKey.export({ format: "jwk" }), kid: "1", alg: "RS256", use: "sig" }],
      });
    if (pathname === "/authorize") {
      const code = randomUUID();
      const redirectUri = searchParams.get("redirect_uri") ?? "";
      const challenge = searchParams.get("code_challenge");
      granted.set(code, { nonce: searchParams.get("nonce"), challenge, redirectUri });
      const back = new URL(redirectUri);
      back.search = String(new URLSearchParams({ code, state: searchParams.get("state") ?? "" }));
      response.writeHead(302, { location: back.href }).end();
      return;
    }
    if (pathname === "/token") return token(request, response);
    response.writeHead(404).end();
  }

  /** Checks what a provider has to check: the client's secret, that the code is used once, and its proof (PKCE). */
  async function token(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = new URLSearchParams(await text(request));
    const basic = Buffer.from(
      request.headers.authorization?.slice("Basic ".length) ?? "",
      "base64",
    ).toString();
    const [id, secret] = basic.split(":").map((part) => decodeURIComponent(part.replaceAll("+", " ")));
    const grant = granted.get(form.get("code") ?? "");
    granted.delete(form.get("code") ?? "");
    const proof = createHash("sha256")
      .update(form.get("code_verifier") ?? "")
      .digest("base64url");
    if (id !== client.clientId || secret !== client.clientSecret)
      return json(response, { error: "invalid_client" }, 401);
    if (!grant || grant.challenge !== proof || grant.redirectUri !== form.get("redirect_uri"))
      return json(response, { error: "invalid_grant" }, 400);
    const now = Math.floor(Date.now() / 1_000);
    const claims = {
      iss: issuer,
      aud: client.clientId,
      sub: person.email,
      iat: now,
      exp: now + 300,
      nonce: grant.nonce,
      email: person.email,
      email_verified: person.emailVerified,
    };
    const content = [{ alg: "RS256", kid: "1" }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
      .join(".");
    const signature = sign("sha256", Buffer.from(content), privateKey).toString("base64url");
    return json(response, {
      access_token: randomUUID(),
      token_type: "Bearer",
      expires_in: 300,
      id_token: `${content}.${signature}`,
    });
  }

  return {
    issuer,
    ...client,
    person,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const discovery = (issuer: string) => ({
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}/jwks`,
  response_types_supported: ["code"],
  subject_types_supported: ["public"],
  id_token_signing_alg_values_supported: ["RS256"],
  code_challenge_methods_supported: ["S256"],
});

function json(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
