// After all specs: nothing that the desk has written, in whatever process, holds a secret.
import { readFile } from "node:fs/promises";
import { join } from "node:path";

export const outputFile = (folder: string): string => join(folder, "output.log");

/** What a secret looks like where nobody has hidden it. */
const shapes: Record<string, RegExp> = {
  "a Stripe key": /\b(sk|rk)_(test|live)_\w+/,
  "a webhook secret": /\bwhsec_\w+/,
  "an API token": /\bdd_[\w-]{43}/,
  "a password in an address": /:\/\/[^\s:/@]*:(?!\[hidden\])[^\s@/]+@/,
  "a session": /session-token(\.\d+)?=(?!\[hidden\])[^\s;",]{8,}|\beyJ[\w-]{8,}\.[\w-]*\.[\w.-]+/,
  "a bearer": /\bBearer (?!\[hidden\])\S{8,}/,
  "a private key": /PRIVATE KEY|\bMC4CAQAwBQYDK2VwBCIEI/,
};

export default async function noSecrets(): Promise<void> {
  const folder = process.env.DRIFTDESK_E2E_DIR ?? "";
  const output = await readFile(outputFile(folder), "utf8").catch(() => null);
  if (output === null) {
    console.warn("The desk was started by somebody else, who has what it said: it is not looked through.");
    return;
  }
  const known = await knownSecrets(folder);
  const found = output
    .split("\n")
    .flatMap((line, number) =>
      [
        ...Object.entries(shapes).flatMap(([what, shape]) => (shape.test(line) ? [what] : [])),
        ...known.flatMap(([what, secret]) => (line.includes(secret) ? [what] : [])),
      ].map((what) => `line ${number + 1} holds ${what}: ${line.slice(0, 300)}`),
    );
  if (found.length > 0) throw new Error(`The desk has written secrets:\n${found.slice(0, 20).join("\n")}`);
  console.log(`The desk has written ${output.split("\n").length} lines, and no secret.`);
}

/** Those of the demonstration. */
async function knownSecrets(folder: string): Promise<[what: string, secret: string][]> {
  const read = async (file: string) => JSON.parse(await readFile(join(folder, file), "utf8"));
  const { password, cronSecret, auditSigningKey, webhookSecret } = await read("demo.json");
  const { url } = await read("postgres.json");
  const session = await readFile(join(folder, "secret"), "utf8").catch(() => "");
  return Object.entries({
    "the people's password": password,
    CRON_SECRET: cronSecret,
    AUDIT_SIGNING_KEY: auditSigningKey,
    STRIPE_WEBHOOK_SECRET: webhookSecret,
    "the database's password": new URL(url).password,
    "the key of sessions": session.trim(),
  }).filter((entry): entry is [string, string] => typeof entry[1] === "string" && entry[1].length > 3);
}
