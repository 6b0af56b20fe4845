import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { sessionSecret } from "./secret.ts";

test("everybody who comes first at the same time gets one secret, which stays and is the owner's alone", async () => {
  const dataFolder = join(await mkdtemp(join(tmpdir(), "driftdesk-secret-")), "not made yet");
  const environment = { nextAuthSecret: undefined, dataFolder };
  const secrets = await Promise.all(Array.from({ length: 20 }, () => sessionSecret(environment)));
  expect(new Set([...secrets, await sessionSecret(environment)]).size).toBe(1);
  expect(secrets[0]?.length).toBeGreaterThanOrEqual(43);
  expect((await stat(join(dataFolder, "secret"))).mode & 0o077).toBe(0);
  expect(await readdir(dataFolder)).toEqual(["secret"]);
  await rm(dataFolder, { recursive: true });
});

test("a named secret is used, and nothing is written", async () => {
  const given = { nextAuthSecret: "named in the environment", dataFolder: "/nowhere" };
  expect(await sessionSecret(given)).toBe("named in the environment");
});
