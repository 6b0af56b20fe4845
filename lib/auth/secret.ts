import { randomBytes, randomUUID } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Environment } from "../config/environment.ts";
import { hide } from "../log.ts";

/** What sessions are encrypted with: NEXTAUTH_SECRET, or one that is made once and kept in the data folder. */
export async function sessionSecret(
  environment: Pick<Environment, "nextAuthSecret" | "dataFolder">,
): Promise<string> {
  if (environment.nextAuthSecret !== undefined) return environment.nextAuthSecret;
  const file = join(environment.dataFolder, "secret");
  await mkdir(environment.dataFolder, { recursive: true });
  // Written beside and then linked: of two requests that come first at the same time both read the same whole secret.
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, randomBytes(32).toString("base64url"), { mode: 0o600 });
  await link(draft, file).catch((error) => {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  });
  await rm(draft, { force: true });
  const secret = (await readFile(file, "utf8")).trim();
  hide([secret]);
  return secret;
}
