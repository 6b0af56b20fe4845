// A desk with several accounts, for accounts.spec.ts: its own process, so that the browser meets what `npm start` serves.
import { whenAsked } from "../bin/ending.ts";
import { readEnvironment } from "../lib/config/environment.ts";
import { loadConfig } from "../lib/config/load.ts";
import { keyVariablesOf, openDesk } from "../lib/desk.ts";
import { createLog } from "../lib/log.ts";
import { addPeople } from "../sandbox/demo/people.ts";
import { serveWeb } from "../sandbox/demo/web.ts";
import { createSeveralTables, serveSeveral, severalWorlds } from "../sandbox/several-accounts.ts";

const cleanups: (() => Promise<unknown>)[] = [];
whenAsked(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup().catch(console.error);
  process.exit(0);
});

const now = new Date();
const worlds = severalWorlds(now);
const { sandbox, variables } = await serveSeveral(worlds, () => new Date());
cleanups.push(() => sandbox.close());
const config = await loadConfig("sandbox/several-accounts.config.ts");
const given = {
  PORT: process.env.PORT,
  DRIFTDESK_DIR: process.env.DRIFTDESK_DIR,
  DRIFTDESK_CONFIG: "sandbox/several-accounts.config.ts",
  CRON_SECRET: process.env.PASSWORD,
  ...variables,
};
const environment = readEnvironment(given, keyVariablesOf(config));
const desk = await openDesk({ environment, config, log: createLog("error") });
cleanups.push(() => desk.close());
await createSeveralTables(desk.local, worlds);
const spoil = (table: string, condition: string, rows: number) =>
  desk.local.unsafe(
    `UPDATE ${table} SET status = 'nonsense' WHERE id IN (SELECT id FROM ${table} WHERE ${condition} LIMIT ${rows})`,
  );
await spoil("subscriptions", "region = 'eu'", 1);
await spoil("subscriptions", "region = 'us'", 2);
await spoil("shop_subscriptions", "true", 3);
await addPeople(desk, process.env.PASSWORD as string);
await serveWeb(given as Record<string, string>, environment.port, cleanups);
console.log("ready");
