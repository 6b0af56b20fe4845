// Everything that has to hold, in one command: format and lint, types, dead code, tests, the build, the browser walks.
// Its last line counts the tests; a step without tests of its own counts as one.
import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../lib/db/free-port.ts";
import { provideBrowser } from "./test/browser.ts";

interface Result {
  name: string;
  passed: number;
  failed: number;
  seconds: number;
}

const reports = await mkdtemp(join(tmpdir(), "driftdesk-reports-"));
const results: Result[] = [];
try {
  await step("format and lint", "@biomejs/biome/bin/biome", ["check", "."]);
  await step("route types", "next/dist/bin/next", ["typegen"]);
  await step("types", "typescript/bin/tsc", ["--noEmit"]);
  await step("dead code", "knip/bin/knip.js", []);
  await tests("unit and integration tests", "vitest/vitest.mjs", {
    args: [
      "run",
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${join(reports, "vitest.json")}`,
    ],
    report: join(reports, "vitest.json"),
    read: readVitest,
  });
  await step("build", "next/dist/bin/next", ["build"]);
  if (globSync("e2e/**/*.spec.ts").length > 0) {
    const browser = await provideBrowser();
    await tests("browser tests", "@playwright/test/cli.js", {
      args: ["test", "--reporter=list,json"],
      report: join(reports, "playwright.json"),
      read: readPlaywright,
      env: {
        PLAYWRIGHT_JSON_OUTPUT_NAME: join(reports, "playwright.json"),
        DRIFTDESK_E2E_PORT: String(await freePort()),
        ...(browser && { PLAYWRIGHT_CHROMIUM: browser }),
      },
    });
  }
} finally {
  await rm(reports, { recursive: true, force: true });
}

for (const { name, passed, failed, seconds } of results)
  console.log(
    `${failed === 0 ? "✓" : "✗"} ${name}: ${passed} passed, ${failed} failed, ${seconds.toFixed(0)} s`,
  );
const sum = (key: "passed" | "failed") => results.reduce((total, result) => total + result[key], 0);
console.log(`${sum("passed")} passed, ${sum("failed")} failed`);
process.exitCode = sum("failed") === 0 ? 0 : 1;

async function step(name: string, script: string, args: string[]): Promise<void> {
  const { ok, seconds } = await run(name, script, args);
  results.push({ name, passed: ok ? 1 : 0, failed: ok ? 0 : 1, seconds });
}

interface Counts {
  passed: number;
  failed: number;
}

async function tests(
  name: string,
  script: string,
  how: {
    args: string[];
    report: string;
    read: (report: unknown) => Counts;
    env?: Record<string, string>;
  },
): Promise<void> {
  const { ok, seconds } = await run(name, script, how.args, how.env);
  const text = await readFile(how.report, "utf8").catch(() => null);
  const counts = text === null ? { passed: 0, failed: 1 } : how.read(JSON.parse(text));
  // A set-up that broke fails no single test.
  if (!ok && counts.failed === 0) counts.failed = 1;
  results.push({ name, ...counts, seconds });
}

async function run(
  name: string,
  script: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<{ ok: boolean; seconds: number }> {
  console.log(`\n── ${name}`);
  const begun = performance.now();
  const child = spawn(process.execPath, [join("node_modules", script), ...args], {
    stdio: "inherit",
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: "1", ...env },
  });
  const ok = await new Promise<boolean>((resolve) => {
    child.once("error", (error) => {
      console.error(error.message);
      resolve(false);
    });
    child.once("exit", (code) => resolve(code === 0));
  });
  return { ok, seconds: (performance.now() - begun) / 1000 };
}

function readVitest(report: unknown): Counts {
  const { numPassedTests, numFailedTests, testResults } = report as {
    numPassedTests: number;
    numFailedTests: number;
    testResults: { status: string; assertionResults: unknown[] }[];
  };
  // A file that could not be loaded has no tests to fail.
  const broken = testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
  return { passed: numPassedTests, failed: numFailedTests + broken.length };
}

function readPlaywright(report: unknown): Counts {
  const { stats, errors } = report as {
    stats: { expected: number; unexpected: number; flaky: number };
    errors: unknown[];
  };
  return { passed: stats.expected, failed: stats.unexpected + stats.flaky + errors.length };
}
