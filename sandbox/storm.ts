// `npm run storm`: kills workers at random in the middle of runs, and says whether each ended as if nothing had happened.
// A failing round can be had again: `-- --seed SEED`.
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { connect } from "../lib/db/connect.ts";
import { attachEmbedded } from "../lib/db/embedded.ts";
import { type Round, storm } from "./storm/storm.ts";

const whole = (text: string) => {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It has to be a whole number.");
};
const options = new Command("storm")
  .description("Kills workers at random while they do a run.")
  .option("--rounds <count>", "runs", whole, 20)
  .option("--seed <seed>", "of the account and of the kills", whole, 1)
  .option("--workers <count>", "processes at the same time", whole, 3)
  .parse()
  .opts<{ rounds: number; seed: number; workers: number }>();

const folder = await mkdtemp(join(tmpdir(), "driftdesk-storm-"));
await chmod(folder, 0o755);
const postgres = await attachEmbedded(folder);
let databases = 0;
try {
  const rounds = await storm({ ...options, customers: 400, latencyMs: 60, database, report });
  const wrong = rounds.filter((round) => round.wrong.length > 0);
  const kills = rounds.reduce((sum, round) => sum + round.kills, 0);
  console.log(`${rounds.length} rounds, ${kills} kills, ${wrong.length} ended otherwise than undisturbed`);
  process.exitCode = wrong.length > 0 ? 1 : 0;
} finally {
  await postgres.release();
  await rm(folder, { recursive: true, force: true });
}

async function database(): Promise<string> {
  const admin = connect(postgres.url, { max: 1 });
  const name = `storm_${++databases}`;
  await admin.unsafe(`CREATE DATABASE ${name}`);
  await admin.end();
  return Object.assign(new URL(postgres.url), { pathname: `/${name}` }).href;
}

function report({ number, seed, kills, attempts, seconds, wrong }: Round): void {
  const end = wrong.length === 0 ? "as undisturbed" : "NOT as undisturbed";
  console.log(
    `round ${number} (seed ${seed}): ${kills} kills, ${attempts} attempts, ${seconds.toFixed(1)} s, ${end}`,
  );
  for (const line of wrong) console.log(`  ${line}`);
}
