// A process of its own for tests to kill: carries out one action, or goes on with what others left until nothing is left.
import { openDesk } from "../lib/desk.ts";
import { executeBulk } from "../lib/fixes/execute.ts";
import { recoverFixes } from "../lib/fixes/recover.ts";

const [what, now] = process.argv.slice(2) as [string, string];
const desk = await openDesk({ now: () => new Date(now) });
if (what === "recover") for (let left = 1; left > 0; ) left = await recoverFixes(desk);
else await executeBulk(desk, Number(what));
await desk.close();
