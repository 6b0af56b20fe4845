import { join, resolve } from "node:path";
import { z } from "zod";
import { publicText, readPublicKey, readSigningKey } from "../audit/signing-key.ts";
import { DriftdeskError } from "../errors.ts";

/** Everything that is set from outside. Secrets are in here: it is never logged as a whole. */
export interface Environment {
  /** Driftdesk's own tables; undefined: the embedded Postgres. */
  databaseUrl: string | undefined;
  /** The user's tables; undefined: the same database. */
  localDatabaseUrl: string | undefined;
  /** Variable → the key in it, for every variable that the config's accounts name. */
  stripeKeys: Readonly<Record<string, string>>;
  stripeApiBase: string | undefined;
  /** Variable → the signing secrets in it, for every variable that the config's accounts name. */
  webhookSecrets: Readonly<Record<string, readonly string[]>>;
  cronSecret: string | undefined;
  slackWebhookUrl: string | undefined;
  /** Where else alerts go: a web address, with what the messages are signed with, and a mail server. */
  alertWebhook: { url: string; secret: string } | undefined;
  smtp: { url: string; from: string } | undefined;
  redisUrl: string | undefined;
  nextAuthSecret: string | undefined;
  /** Ed25519: what checkpoints of the history are signed with, and whom they are believed. */
  auditSigningKey: string | undefined;
  auditPublicKey: string | undefined;
  nextAuthUrl: string;
  port: number;
  configFile: string;
  /** Where the embedded Postgres and generated secrets are. */
  dataFolder: string;
  /** Whether the web process also works off the queues. */
  inlineWorker: boolean;
  oidc: { issuer: string; clientId: string; clientSecret: string; name: string } | undefined;
}

/** Everything in it that nobody may read anywhere. */
export function secretsIn(environment: Environment): (string | undefined)[] {
  const { databaseUrl, localDatabaseUrl, redisUrl, smtp, alertWebhook, slackWebhookUrl } = environment;
  return [
    ...[databaseUrl, localDatabaseUrl, redisUrl, smtp?.url, alertWebhook?.url].flatMap(passwordIn),
    ...Object.values(environment.stripeKeys),
    ...Object.values(environment.webhookSecrets).flat(),
    slackWebhookUrl,
    alertWebhook?.secret,
    environment.cronSecret,
    environment.nextAuthSecret,
    environment.auditSigningKey,
    environment.oidc?.clientSecret,
  ];
}

/** As it is written in the address, and as it is. */
function passwordIn(url: string | undefined): string[] {
  const written = /:\/\/[^/@]*?:([^/]*)@/.exec(url ?? "")?.[1];
  if (written === undefined) return [];
  try {
    return [written, decodeURIComponent(written)];
  } catch {
    return [written];
  }
}

const postgresUrl = z
  .string()
  .regex(/^postgres(ql)?:\/\//, "is not a Postgres URL (postgres://user:password@host:5432/database)");
const webUrl = z.url({ protocol: /^https?$/, error: "is not a web address (https://…)" });
const secret = z.string().min(16, "is too short: take at least 16 random characters");

const auditKeys = {
  AUDIT_SIGNING_KEY: z
    .string()
    .refine(
      (text) => readSigningKey(text) !== null,
      "is no Ed25519 private key: `driftdesk audit key` makes one",
    )
    .optional(),
  AUDIT_PUBLIC_KEY: z
    .string()
    .refine(
      (text) => readPublicKey(text) !== null,
      "is no Ed25519 public key: `driftdesk audit key` makes one, beside its private key",
    )
    .optional(),
};

/** `used` says what asks with it; nothing of its value is ever told. */
const stripeKey = (used: string | null) =>
  z
    .string({
      error: `is missing: ${used === null ? "" : `${used} names it; `}create a restricted key with read permissions in Stripe's dashboard`,
    })
    .regex(
      /^(sk|rk)_(test|live)_\w+$/,
      'does not look like a Stripe key ("rk_live_…", "sk_test_…"); publishable keys (pk_) cannot read',
    );

/** Several while one takes the other's place. */
const signingSecrets = z
  .string()
  .transform((text) =>
    text
      .split(",")
      .map((one) => one.trim())
      .filter((one) => one !== ""),
  )
  .refine(
    (secrets) => secrets.length > 0 && secrets.every((one) => /^whsec_\S+$/.test(one)),
    'is no signing secret: Stripe shows it with the endpoint, it begins with "whsec_"; several are separated by commas',
  );

/** Neither is of any use without the other. */
const pairs = [
  ["ALERT_WEBHOOK_URL", "ALERT_WEBHOOK_SECRET"],
  ["SMTP_URL", "ALERT_EMAIL_FROM"],
] as const;

const schema = z
  .object({
    DATABASE_URL: postgresUrl.optional(),
    LOCAL_DATABASE_URL: postgresUrl.optional(),
    STRIPE_API_BASE: webUrl.optional(),
    CRON_SECRET: secret.optional(),
    SLACK_WEBHOOK_URL: webUrl.optional(),
    ALERT_WEBHOOK_URL: webUrl.optional(),
    ALERT_WEBHOOK_SECRET: secret.optional(),
    SMTP_URL: z
      .url({ protocol: /^smtps?$/, error: "is not a mail server (smtps://user:password@host)" })
      .optional(),
    ALERT_EMAIL_FROM: z
      .string()
      .regex(
        /^([^<>@\r\n]+<[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+)$/,
        "is no address (alerts@example.com, or Driftdesk <alerts@example.com>)",
      )
      .optional(),
    REDIS_URL: z
      .string()
      .regex(/^rediss?:\/\//, "is not a Redis URL (redis://host:6379)")
      .optional(),
    NEXTAUTH_SECRET: secret.optional(),
    NEXTAUTH_URL: webUrl.optional(),
    ...auditKeys,
    PORT: z.coerce.number({ error: "is not a port" }).int().min(1).max(65_535, "is not a port").default(3000),
    DRIFTDESK_CONFIG: z.string().optional(),
    DRIFTDESK_DIR: z.string().optional(),
    DRIFTDESK_INLINE_WORKER: z
      .enum(["true", "false"], { error: 'is neither "true" nor "false"' })
      .default("true"),
    OIDC_ISSUER: webUrl.optional(),
    OIDC_CLIENT_ID: z.string().optional(),
    OIDC_CLIENT_SECRET: z.string().optional(),
    OIDC_NAME: z.string().default("single sign-on"),
  })
  .superRefine((env, context) => {
    const { AUDIT_SIGNING_KEY, AUDIT_PUBLIC_KEY } = env;
    if (
      AUDIT_SIGNING_KEY &&
      AUDIT_PUBLIC_KEY &&
      AUDIT_PUBLIC_KEY !== publicKeyOf({ AUDIT_SIGNING_KEY }).auditPublicKey
    )
      context.addIssue({
        code: "custom",
        path: ["AUDIT_PUBLIC_KEY"],
        message: "is not the public key of AUDIT_SIGNING_KEY: set one of the two",
      });
    for (const [one, other] of pairs)
      if ((env[one] === undefined) !== (env[other] === undefined)) {
        const [missing, there] = env[one] === undefined ? [one, other] : [other, one];
        const message = `is missing: ${there} is of no use without it`;
        context.addIssue({ code: "custom", path: [missing], message });
      }
    const given = [env.OIDC_ISSUER, env.OIDC_CLIENT_ID, env.OIDC_CLIENT_SECRET].filter(
      (value) => value !== undefined,
    );
    if (given.length !== 0 && given.length !== 3)
      context.addIssue({
        code: "custom",
        path: ["OIDC_ISSUER"],
        message: "needs OIDC_CLIENT_ID and OIDC_CLIENT_SECRET beside it: set all three, or none",
      });
  });

const recordsSchema = z.object({
  DATABASE_URL: postgresUrl.optional(),
  LOCAL_DATABASE_URL: postgresUrl.optional(),
  DRIFTDESK_DIR: z.string().optional(),
  ...auditKeys,
});

export type RecordsEnvironment = Pick<
  Environment,
  "databaseUrl" | "localDatabaseUrl" | "auditSigningKey" | "auditPublicKey" | "configFile" | "dataFolder"
>;

/** As `readEnvironment`, of what Driftdesk's own tables need: no Stripe key, no config. */
export function readRecordsEnvironment(
  given: Readonly<Record<string, string | undefined>> = process.env,
): RecordsEnvironment {
  const env = check(recordsSchema, given);
  return {
    databaseUrl: env.DATABASE_URL,
    localDatabaseUrl: env.LOCAL_DATABASE_URL,
    ...publicKeyOf(env),
    configFile: configFileOf(given),
    dataFolder: dataFolder(env.DRIFTDESK_DIR),
  };
}

/** Who can sign can verify: the public key is in the private one. */
function publicKeyOf(env: { AUDIT_SIGNING_KEY?: string | undefined; AUDIT_PUBLIC_KEY?: string | undefined }) {
  const key = env.AUDIT_SIGNING_KEY === undefined ? null : readSigningKey(env.AUDIT_SIGNING_KEY);
  return {
    auditSigningKey: env.AUDIT_SIGNING_KEY,
    auditPublicKey: env.AUDIT_PUBLIC_KEY ?? (key ? publicText(key) : undefined),
  };
}

/** A variable that has to hold a Stripe key, and the path of the setting that names it; null in the short form. */
export type KeyVariables = ReadonlyMap<string, string | null>;
const shortForm: KeyVariables = new Map([["STRIPE_SECRET_KEY", null]]);
/** Variables that can hold the signing secrets of webhooks. */
type WebhookVariables = ReadonlySet<string>;
const oneEndpoint: WebhookVariables = new Set(["STRIPE_WEBHOOK_SECRET"]);

/** Reads and checks the environment. One error, `environment_invalid`, lists everything that is wrong, and no value. */
export function readEnvironment(
  given: Readonly<Record<string, string | undefined>> = process.env,
  keyVariables: KeyVariables = shortForm,
  webhookVariables: WebhookVariables = oneEndpoint,
): Environment {
  const keys = z.object(
    Object.fromEntries([...keyVariables].map(([variable, used]) => [variable, stripeKey(used)])),
  );
  const secrets = z.object(
    Object.fromEntries([...webhookVariables].map((variable) => [variable, signingSecrets.optional()])),
  );
  const env = check(z.intersection(z.intersection(keys, secrets), schema), given);
  return {
    databaseUrl: env.DATABASE_URL,
    localDatabaseUrl: env.LOCAL_DATABASE_URL,
    stripeKeys: Object.fromEntries(
      [...keyVariables.keys()].map((variable) => [variable, (env as Record<string, string>)[variable] ?? ""]),
    ),
    stripeApiBase: env.STRIPE_API_BASE,
    webhookSecrets: Object.fromEntries(
      [...webhookVariables].map((variable) => [variable, (env as Record<string, unknown>)[variable] ?? []]),
    ) as Record<string, string[]>,
    cronSecret: env.CRON_SECRET,
    slackWebhookUrl: env.SLACK_WEBHOOK_URL,
    alertWebhook:
      env.ALERT_WEBHOOK_URL && env.ALERT_WEBHOOK_SECRET
        ? { url: env.ALERT_WEBHOOK_URL, secret: env.ALERT_WEBHOOK_SECRET }
        : undefined,
    smtp:
      env.SMTP_URL && env.ALERT_EMAIL_FROM ? { url: env.SMTP_URL, from: env.ALERT_EMAIL_FROM } : undefined,
    redisUrl: env.REDIS_URL,
    nextAuthSecret: env.NEXTAUTH_SECRET,
    ...publicKeyOf(env),
    nextAuthUrl: env.NEXTAUTH_URL ?? `http://localhost:${env.PORT}`,
    port: env.PORT,
    configFile: configFileOf(given),
    dataFolder: dataFolder(env.DRIFTDESK_DIR),
    inlineWorker: env.DRIFTDESK_INLINE_WORKER === "true",
    oidc:
      env.OIDC_ISSUER && env.OIDC_CLIENT_ID && env.OIDC_CLIENT_SECRET
        ? {
            issuer: env.OIDC_ISSUER,
            clientId: env.OIDC_CLIENT_ID,
            clientSecret: env.OIDC_CLIENT_SECRET,
            name: env.OIDC_NAME,
          }
        : undefined,
  };
}

/** Where the config is: it has to be read before the rest, since it says which keys there have to be. */
export const configFileOf = (given: Readonly<Record<string, string | undefined>> = process.env): string =>
  resolve(/* turbopackIgnore: true */ given.DRIFTDESK_CONFIG?.trim() || "driftdesk.config.ts");

const dataFolder = (named: string | undefined) =>
  resolve(/* turbopackIgnore: true */ named ?? join(process.cwd(), ".driftdesk"));

function check<T extends z.ZodType>(
  schema: T,
  given: Readonly<Record<string, string | undefined>>,
): z.output<T> {
  // An empty variable is what people leave behind in .env files: it means "not set".
  const set = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined && value.trim() !== ""),
  );
  const parsed = schema.safeParse(set);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `  ${issue.path.join(".")} ${issue.message}`);
    throw new DriftdeskError(
      "environment_invalid",
      ["The environment is not complete:", ...lines].join("\n"),
    );
  }
  return parsed.data;
}
