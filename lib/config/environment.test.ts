import { describe, expect, test } from "vitest";
import { newSigningKey } from "../audit/signing-key.ts";
import { DriftdeskError } from "../errors.ts";
import { redact } from "../log.ts";
import { readEnvironment, readRecordsEnvironment } from "./environment.ts";

const key = { STRIPE_SECRET_KEY: "rk_test_abcdefghijklmnop" };

function refusal(given: Record<string, string>): DriftdeskError {
  try {
    readEnvironment(given);
  } catch (error) {
    if (error instanceof DriftdeskError) return error;
  }
  throw new Error("it was accepted");
}

describe("the environment", () => {
  test("a Stripe key is enough, and the rest has defaults", () => {
    const environment = readEnvironment(key);
    expect(environment).toMatchObject({
      databaseUrl: undefined,
      port: 3000,
      nextAuthUrl: "http://localhost:3000",
      inlineWorker: true,
      oidc: undefined,
    });
    expect(environment.dataFolder).toMatch(/\/\.driftdesk$/);
    expect(environment.configFile).toMatch(/\/driftdesk\.config\.ts$/);
  });

  test("one message lists everything wrong, by name and with the remedy", () => {
    const error = refusal({
      DATABASE_URL: "mysql://db",
      PORT: "99999",
      CRON_SECRET: "short",
      SLACK_WEBHOOK_URL: "slack",
      DRIFTDESK_INLINE_WORKER: "yes",
    });
    expect(error.code).toBe("environment_invalid");
    for (const name of [
      "DATABASE_URL",
      "PORT",
      "CRON_SECRET",
      "SLACK_WEBHOOK_URL",
      "DRIFTDESK_INLINE_WORKER",
      "STRIPE_SECRET_KEY is missing: create a restricted key",
    ])
      expect(error.message).toContain(name);
  });

  test("where alerts go needs both halves, and no half is told", () => {
    const hook = {
      ALERT_WEBHOOK_URL: "https://hooks.example.com/x",
      ALERT_WEBHOOK_SECRET: "sixteen letters or more",
    };
    const mail = {
      SMTP_URL: "smtps://user:very-secret@mail.example.com",
      ALERT_EMAIL_FROM: "Desk <desk@example.com>",
    };
    expect(readEnvironment({ ...key, ...hook, ...mail })).toMatchObject({
      alertWebhook: { url: hook.ALERT_WEBHOOK_URL, secret: hook.ALERT_WEBHOOK_SECRET },
      smtp: { url: mail.SMTP_URL, from: mail.ALERT_EMAIL_FROM },
    });
    const halves = refusal({
      ...key,
      ALERT_WEBHOOK_URL: hook.ALERT_WEBHOOK_URL,
      SMTP_URL: mail.SMTP_URL,
    }).message;
    expect(halves).toContain("ALERT_WEBHOOK_SECRET is missing: ALERT_WEBHOOK_URL is of no use without it");
    expect(halves).toContain("ALERT_EMAIL_FROM is missing: SMTP_URL is of no use without it");
    const wrong = {
      ...hook,
      ALERT_WEBHOOK_SECRET: "short",
      SMTP_URL: "https://very-secret",
      ALERT_EMAIL_FROM: "desk",
    };
    const { message } = refusal({ ...key, ...wrong });
    for (const name of ["ALERT_WEBHOOK_SECRET", "SMTP_URL", "ALERT_EMAIL_FROM"])
      expect(message).toContain(name);
    expect(halves + message).not.toContain("very-secret");
  });

  test("the key that signs tells whom to believe, and both have to be of one pair", () => {
    const { signingKey, publicKey } = newSigningKey();
    const signing = { ...key, AUDIT_SIGNING_KEY: signingKey };
    expect(readEnvironment(signing).auditPublicKey).toBe(publicKey);
    expect(readRecordsEnvironment({ AUDIT_PUBLIC_KEY: publicKey })).toMatchObject({
      auditSigningKey: undefined,
      auditPublicKey: publicKey,
    });
    const other = refusal({ ...signing, AUDIT_PUBLIC_KEY: newSigningKey().publicKey });
    expect(other.message).toContain("AUDIT_PUBLIC_KEY is not the public key of AUDIT_SIGNING_KEY");
    const wrong = refusal({ ...key, AUDIT_SIGNING_KEY: publicKey, AUDIT_PUBLIC_KEY: "hunter2" });
    expect(wrong.message).toContain("AUDIT_SIGNING_KEY is no Ed25519 private key");
    expect(wrong.message).toContain("AUDIT_PUBLIC_KEY is no Ed25519 public key");
    expect(redact(`the key ${signingKey} is wrong`)).toBe("the key [hidden] is wrong");
  });

  test("no value is repeated in the message, for it may be a secret", () => {
    const error = refusal({
      DATABASE_URL: "user:hunter2@host/db",
      STRIPE_SECRET_KEY: "pk_live_hunter2",
      STRIPE_WEBHOOK_SECRET: "hunter2",
      CRON_SECRET: "hunter2",
      REDIS_URL: "hunter2",
    });
    expect(error.message).not.toContain("hunter2");
  });

  test("signing secrets of webhooks: several while they are rotated, by the variables that the config names", () => {
    const given = { ...key, STRIPE_WEBHOOK_SECRET: "whsec_new, whsec_old,", SECRET_EU: "whsec_eu" };
    expect(readEnvironment(given).webhookSecrets).toEqual({
      STRIPE_WEBHOOK_SECRET: ["whsec_new", "whsec_old"],
    });
    const named = new Set(["SECRET_EU", "SECRET_US"]);
    expect(readEnvironment(given, undefined, named).webhookSecrets).toEqual({
      SECRET_EU: ["whsec_eu"],
      SECRET_US: [],
    });
    for (const wrong of ["whsec_", "whsec_a whsec_b", "whsec_a,sk_live_b", ","])
      expect(refusal({ ...key, STRIPE_WEBHOOK_SECRET: wrong }).message).toContain(
        "STRIPE_WEBHOOK_SECRET is no signing secret",
      );
  });

  test("an empty variable counts as not set", () => {
    expect(readEnvironment({ ...key, DATABASE_URL: "", CRON_SECRET: " " })).toMatchObject({
      databaseUrl: undefined,
      cronSecret: undefined,
    });
  });

  test("single sign-on is set wholly or not at all", () => {
    expect(refusal({ ...key, OIDC_ISSUER: "https://id.example.com" }).message).toContain("OIDC_CLIENT_ID");
    const oidc = {
      OIDC_ISSUER: "https://id.example.com",
      OIDC_CLIENT_ID: "desk",
      OIDC_CLIENT_SECRET: "secret",
    };
    expect(readEnvironment({ ...key, ...oidc }).oidc).toEqual({
      issuer: "https://id.example.com",
      clientId: "desk",
      clientSecret: "secret",
      name: "single sign-on",
    });
  });

  test("the address follows the port unless it is named", () => {
    expect(readEnvironment({ ...key, PORT: "4000" }).nextAuthUrl).toBe("http://localhost:4000");
  });

  test("Driftdesk's own tables need no key", () => {
    expect(readRecordsEnvironment({ DATABASE_URL: "postgres://db/x" }).databaseUrl).toBe("postgres://db/x");
  });
});
