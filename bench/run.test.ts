import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test("the benchmarks run to their end, on hardly any objects", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    join(import.meta.dirname, "run.ts"),
    "--tiny",
  ]);
  const results = stdout
    .split("\n")
    .slice(2)
    .flatMap((line) => line.split(" | ")[2] ?? []);
  expect(results.length).toBeGreaterThan(20);
  // A figure, or a plot.
  for (const result of results) expect(result).toMatch(/^([×\d]|fresh [▁▂▃▄▅▆▇█]+ )/);
  expect(stdout).not.toMatch(/NaN|Infinity|undefined/);
}, 300_000);
