// A process that looks customers up, for tests: a line of `{ key, times }` is so many lookups at once, answered by a line.
import { createInterface } from "node:readline";
import { openDesk } from "../lib/desk.ts";
import { lookUpStatus } from "../lib/status/lookup.ts";
import { closeStatuses } from "../lib/status/statuses.ts";

const desks = await openDesk();
const [account] = desks.accounts;
if (!account) throw new Error("The config has no account.");
const desk = { ...desks, ...account };
process.stdout.write(`${JSON.stringify({ ready: true })}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  const { key, times } = JSON.parse(line) as { key: string; times: number };
  const found = await Promise.all(Array.from({ length: times }, () => lookUpStatus(desk, key)));
  const statuses = [...new Set(found.map(({ answer }) => answer.status))];
  const sources = [...new Set(found.map(({ answer }) => answer.source))];
  process.stdout.write(`${JSON.stringify({ statuses, sources })}\n`);
}
await closeStatuses(desk);
await desks.close();
