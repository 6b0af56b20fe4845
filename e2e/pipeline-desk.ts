// The desk of pipeline-story.spec.ts, in a process of its own: the company's story up to now, then what `npm start` serves.
// A line on stdin, "mend", is what the company's engineers do.
import { createInterface } from "node:readline";
import { whenAsked } from "../bin/ending.ts";
import { readEnvironment } from "../lib/config/environment.ts";
import { loadConfig } from "../lib/config/load.ts";
import { type Desk, desksOf, openDesk, systemActor } from "../lib/desk.ts";
import { lookAtPipeline } from "../lib/diagnose/pipeline.ts";
import { createLog } from "../lib/log.ts";
import { executeRun } from "../lib/reconcile/run.ts";
import { requestRun } from "../lib/reconcile/runs.ts";
import { addPeople } from "../sandbox/demo/people.ts";
import { serveWeb } from "../sandbox/demo/web.ts";
import { Outage } from "../sandbox/outage.ts";

const cleanups: (() => Promise<unknown>)[] = [];
whenAsked(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup().catch(console.error);
  process.exit(0);
});

const outage = await Outage.begin();
cleanups.push(() => outage.close());
const { PORT, DRIFTDESK_DIR, SLACK_WEBHOOK_URL, PASSWORD } = process.env;
const given = {
  PORT,
  DRIFTDESK_DIR,
  SLACK_WEBHOOK_URL,
  CRON_SECRET: PASSWORD,
  DRIFTDESK_CONFIG: "sandbox/outage.config.ts",
  STRIPE_API_BASE: outage.sandbox.url,
  STRIPE_SECRET_KEY: outage.sandbox.secretKey,
};
const environment = readEnvironment(given);
const config = await loadConfig(given.DRIFTDESK_CONFIG);
const opened = await openDesk({ environment, config, log: createLog("error") });
cleanups.push(() => opened.close());
const [desk] = desksOf(opened);
await addPeople(desk, PASSWORD as string);
await outage.load(desk.local);

await outage.aGoodHour();
const then: Desk = { ...desk, now: outage.now };
const { run } = await requestRun(then, { mode: "full", trigger: "schedule", actor: systemActor });
await executeRun(then, run.id);
await lookAtPipeline(then);
await outage.eighteenBadHours();

await serveWeb(given as Record<string, string>, environment.port, cleanups);
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  if (line !== "mend") continue;
  await outage.mend();
  console.log("mended");
}
