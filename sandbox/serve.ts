// `npm run sandbox`: a Stripe account on this machine, made from a seed, until Ctrl-C. Nothing is kept.
import { Command, InvalidArgumentError } from "commander";
import { whenAsked } from "../bin/ending.ts";
import type { Faults } from "./server/faults.ts";
import type { Limits } from "./server/limits.ts";
import { startSandbox } from "./server/server.ts";
import { generateWorld } from "./world/index.ts";

interface Options {
  port: number;
  seed: number;
  customers: number;
  latency: number;
  limits: Limits | null;
  faults: Partial<Faults>;
}

const program = new Command("sandbox")
  .description("A Stripe account on this machine, for the unmodified stripe package.")
  .option("--port <port>", "where it listens; 0 for any free one", whole, 12_111)
  .option("--seed <seed>", "what the account is made from", whole, 1)
  .option("--customers <count>", "how many customers it has", whole, 500)
  .option("--latency <ms>", "how long every answer takes", whole, 0)
  .option("--limits <all/each>", "requests a second of the account and of each endpoint, or none", limits, {
    requestsPerSecond: 100,
    perEndpoint: 25,
  })
  .option("--faults <name=value,…>", "e.g. serverErrors=0.05,dropped=0.01,only=list charges", faults, {});

const options = program.parse().opts<Options>();
const world = generateWorld({ seed: options.seed, customers: options.customers, now: new Date() });
const { port, latency: latencyMs } = options;
const sandbox = await startSandbox({ world, port, latencyMs, limits: options.limits }).catch((error) =>
  program.error(`The sandbox cannot listen on port ${port}: ${error.message}. Another --port may be free.`),
);
Object.assign(sandbox.faults, options.faults);
whenAsked(() => void sandbox.close());
console.log(
  `${world.customers.size} customers, ${world.subscriptions.size} subscriptions, ${world.invoices.size} invoices`,
);
console.log(`STRIPE_SECRET_KEY=${sandbox.secretKey} STRIPE_API_BASE=${sandbox.url}`);

function whole(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It has to be a whole number.");
}

function limits(text: string): Limits | null {
  if (text === "none") return null;
  const [, all, each] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  if (!all || !each) throw new InvalidArgumentError("Write two whole numbers, as in 100/25, or none.");
  return { requestsPerSecond: Number(all), perEndpoint: Number(each) };
}

function faults(text: string): Partial<Faults> {
  const shares = ["serverErrors", "rateLimited", "dropped", "truncated", "slow"];
  const entries = text.split(",").map((part): [string, unknown] => {
    const [name = "", value = ""] = part.split("=");
    if (name === "only" && value !== "") return [name, value];
    if (name === "outage" && value === "true") return [name, true];
    if (name === "slowMs") return [name, whole(value)];
    const share = Number(value);
    if (shares.includes(name) && value !== "" && share >= 0 && share <= 1) return [name, share];
    throw new InvalidArgumentError(
      `${part} is none. There are ${shares.join(", ")} (each a share from 0 to 1), slowMs=…, only=…, outage=true.`,
    );
  });
  return Object.fromEntries(entries);
}
