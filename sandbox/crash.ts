// `npm run crash`: kills actions at every step they take, and says whether each ended as if nothing had happened.
// A failing round can be had again: `-- --seed SEED --rounds 1`.
import { Command, InvalidArgumentError } from "commander";
import { startTestServer } from "../lib/db/testing-server.ts";
import { crash, type Round } from "./crash/crash.ts";

const whole = (text: string) => {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It has to be a whole number.");
};
const options = new Command("crash")
  .description("Kills processes and connections at the steps of what they do.")
  .option("--rounds <count>", "how many", whole, 500)
  .option("--seed <seed>", "of the first round; the next one's is the number after it", whole, 1)
  .parse()
  .opts<{ rounds: number; seed: number }>();

const server = await startTestServer();
try {
  const rounds = await crash({ ...options, postgres: server.url, report });
  for (const line of summary(rounds)) console.log(line);
  process.exitCode = rounds.some((round) => round.wrong.length > 0) ? 1 : 0;
} finally {
  await server.stop();
}
process.exit();

function report({ seed, script: { action, databases, plot }, blows, fell, seconds, wrong }: Round): void {
  const where = `${action}, plot ${plot}, ${databases === 1 ? "one database" : "two databases"}`;
  const what = blows.slice(0, fell).map(({ kill, when, name, nth }) => `${kill} ${when} "${name}" ${nth}`);
  const end = wrong.length === 0 ? "as undisturbed" : "NOT as undisturbed";
  console.log(`seed ${seed}: ${where}; killed ${what.join(", then ")}; ${seconds.toFixed(2)} s, ${end}`);
  for (const line of wrong) console.log(`  ${line}`);
  if (wrong.length > 0) console.log(`  again: npm run crash -- --seed ${seed} --rounds 1`);
}

function summary(rounds: readonly Round[]): string[] {
  const wrong = rounds.filter((round) => round.wrong.length > 0);
  const fallen = rounds.flatMap(({ blows, fell }) => blows.slice(0, fell));
  const count = (words: readonly string[]) =>
    [...Map.groupBy(words, (word) => word)]
      .map(([word, all]) => `${word} ${all.length}`)
      .sort()
      .join(", ");
  const seconds = rounds.reduce((sum, round) => sum + round.seconds, 0);
  return [
    `actions: ${count(rounds.map(({ script }) => script.action))}; databases: ${count(rounds.map(({ script }) => String(script.databases)))}`,
    `killed: ${count(fallen.map((blow) => blow.kill))}`,
    `steps: ${count(fallen.map((blow) => `"${blow.name}"`))}`,
    `${rounds.length} rounds, ${fallen.length} kills, ${(seconds / rounds.length).toFixed(2)} s each, ${wrong.length} ended otherwise than undisturbed${
      wrong.length > 0 ? `: seeds ${wrong.map((round) => round.seed).join(", ")}` : ""
    }`,
  ];
}
