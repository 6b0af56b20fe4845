// `npm run demo`: the desk on an example company, with a Stripe account that lives in this process. Makes everything it
// needs on the first start, keeps what people did for the next one, and leaves no process behind.
import { join } from "node:path";
import { whenAsked } from "../bin/ending.ts";
import { readEnvironment } from "../lib/config/environment.ts";
import { desksOf, openDesk } from "../lib/desk.ts";
import { createLog } from "../lib/log.ts";
import { readAnchor } from "./demo/anchor.ts";
import { prepareCompany } from "./demo/company.ts";
import { makeHistory } from "./demo/history.ts";
import { addPeople, people } from "./demo/people.ts";
import { buildWhenNeeded, refuseTakenPort, serveWeb } from "./demo/web.ts";
import { writeExports } from "./exports.ts";
import { startSandbox } from "./server/server.ts";

const cleanups: (() => Promise<unknown>)[] = [];
let ending: Promise<void> | undefined;
/** In the opposite order of how things were started; a second Ctrl-C waits for the first. */
function end(exitCode: number): Promise<void> {
  ending ??= (async () => {
    for (const cleanup of cleanups.splice(0).reverse())
      await cleanup().catch((error) => console.error(error));
    process.exit(exitCode);
  })();
  return ending;
}
const say = (line: string) => console.log(`  ${line}`);

try {
  whenAsked(() => void end(0));
  await demo();
} catch (error) {
  if (ending === undefined) console.error(`\n  ${error instanceof Error ? error.message : error}\n`);
  await end(2);
}

async function demo(): Promise<void> {
  const { port, dataFolder } = readEnvironment({ ...ownVariables(""), STRIPE_SECRET_KEY: "sk_test_later" });
  await refuseTakenPort(port);
  const anchor = await readAnchor(dataFolder);
  const { world, plan } = prepareCompany(anchor);
  // As quick as Stripe: a run's progress is there to be seen.
  const sandbox = await startSandbox({
    world,
    latencyMs: 120,
    limits: { requestsPerSecond: 100, perEndpoint: 25 },
  });
  cleanups.push(() => sandbox.close());

  const variables = {
    ...ownVariables(sandbox.url),
    STRIPE_SECRET_KEY: sandbox.secretKey,
    CRON_SECRET: anchor.cronSecret,
    STRIPE_WEBHOOK_SECRET: anchor.webhookSecret,
    AUDIT_SIGNING_KEY: anchor.auditSigningKey,
  };
  say("Starting the embedded Postgres…");
  const opened = await openDesk({ environment: readEnvironment(variables), log: createLog("error") });
  cleanups.push(() => opened.close());
  const [desk] = desksOf(opened);
  if (await plan.load(desk.local))
    say(`Made an example company: ${world.customers.size} customers, ${world.invoices.size} invoices.`);
  await addPeople(desk, anchor.password);
  if (await makeHistory(desk, anchor.now)) say("Compared its records with Stripe for the first time.");

  const exports = join(dataFolder, "exports");
  await writeExports(world, exports);

  await buildWhenNeeded(cleanups, say);
  const web = await serveWeb(variables, port, cleanups);
  console.log(`
  Driftdesk runs at  http://localhost:${port}

${people.map((p) => `    ${p.name.padEnd(18)} ${p.email.padEnd(28)} ${p.role}`).join("\n")}
    The password of all of them is  ${anchor.password}

  The command line, from this folder:
    STRIPE_SECRET_KEY=${sandbox.secretKey} STRIPE_API_BASE=${sandbox.url} npm run -s driftdesk -- check

  What its Stripe Dashboard exports, for the quick fix:  ${exports}

  Ctrl-C stops everything. The next start keeps what you did; remove .driftdesk to begin anew.
`);
  const code = await web.ended;
  if (ending === undefined) {
    console.error(`  The web process has ended by itself (exit code ${code}).`);
    await end(2);
  }
}

/**
 * Everything that Driftdesk reads from the environment, set by us: somebody's own DATABASE_URL or Stripe key, in the
 * shell or in a .env file, must have no part in a demonstration that makes tables. Empty means "not set".
 */
function ownVariables(apiBase: string): Record<string, string> {
  const { PORT = "", DRIFTDESK_DIR = "" } = process.env;
  return {
    PORT,
    DRIFTDESK_DIR,
    STRIPE_API_BASE: apiBase,
    DATABASE_URL: "",
    LOCAL_DATABASE_URL: "",
    DRIFTDESK_CONFIG: "",
    DRIFTDESK_INLINE_WORKER: "",
    STRIPE_WEBHOOK_SECRET: "",
    SLACK_WEBHOOK_URL: "",
    ALERT_WEBHOOK_URL: "",
    ALERT_WEBHOOK_SECRET: "",
    SMTP_URL: "",
    ALERT_EMAIL_FROM: "",
    AUDIT_PUBLIC_KEY: "",
    REDIS_URL: "",
    NEXTAUTH_SECRET: "",
    NEXTAUTH_URL: "",
    OIDC_ISSUER: "",
    OIDC_CLIENT_ID: "",
    OIDC_CLIENT_SECRET: "",
  };
}
