import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readEnvironment, secretsIn } from "./config/environment.ts";
import { createLog, hide, redact } from "./log.ts";
import { about } from "./log-context.ts";

let written: string[];
beforeEach(() => {
  written = [];
  vi.spyOn(process.stderr, "write").mockImplementation((text) => written.push(String(text)) > 0);
});
afterEach(() => vi.restoreAllMocks());
const lines = () => written.map((line) => JSON.parse(line));

test("whatever is logged inside says what it is about", async () => {
  const log = createLog("info");
  log.info("before");
  await about({ request: "r-1" }, async () => {
    await about({ run: 7 }, async () => {
      await new Promise(setImmediate);
      log.warn({ resource: "users" }, "inside");
    });
    log.info("beside");
  });
  const [before, inside, beside] = lines();
  expect(before).not.toHaveProperty("request");
  expect(inside).toMatchObject({ request: "r-1", run: 7, resource: "users", msg: "inside" });
  expect(beside).toMatchObject({ request: "r-1" });
  expect(beside).not.toHaveProperty("run");
});

test("what looks like a secret is in no line", () => {
  const secrets = [
    ["sk_live_", "51Habcdef"],
    ["whsec_", "abcdef123"],
    ["postgres://app:", "p4ss", "@db/x"],
    ["redis://:", "p4ss", "@cache:6379"],
    ["smtps://me%40x.example:", "p4ss%21", "@mail"],
    ["https://hooks.slack.com/", "services/T0/B0/xyz"],
    ["dd_", "a".repeat(43)],
    ["Authorization: Bearer ", "abc.def"],
    ["cookie: next-auth.session-token=", "abc123; other=1".split(";")[0] as string],
    ["", "eyJhbGciOiJkaXIifQ..made.up.here"],
  ];
  for (const [before = "", secret = "", after = ""] of secrets) {
    createLog("info").error(new Error(`it said ${before}${secret}${after} to us`));
    expect(written.at(-1)).not.toContain(secret);
    expect(redact(`${before}${secret}${after}`)).toBe(`${before}[hidden]${after}`);
  }
  createLog("info").info({
    password: "p4ss",
    given: { token: "p4ss" },
    req: { headers: { cookie: "p4ss" } },
  });
  expect(written.at(-1)).not.toContain("p4ss");
});

test("the secrets of the environment are in no line, whatever they look like", () => {
  const secrets = ['Correct Horse "Battery" Staple', "made of nothing known", "one%2Ftwo+three-four"];
  const [cron = "", client = "", password = ""] = secrets;
  const environment = readEnvironment({
    STRIPE_SECRET_KEY: "rk_test_1",
    CRON_SECRET: cron,
    DATABASE_URL: `postgres://app:${password}@db.example.com/app`,
    OIDC_ISSUER: "https://id.example.com",
    OIDC_CLIENT_ID: "desk",
    OIDC_CLIENT_SECRET: client,
  });
  expect(secretsIn(environment)).toEqual(expect.arrayContaining([...secrets, "one/two+three-four"]));
  hide(secretsIn(environment));
  for (const secret of [...secrets, "one/two+three-four"]) {
    createLog("info").info({ detail: `a ${secret} b` }, `it was ${secret}`);
    expect(lines().at(-1)).toMatchObject({ msg: "it was [hidden]", detail: "a [hidden] b" });
  }
});
