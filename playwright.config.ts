import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "@playwright/test";
import { outputFile } from "./e2e/no-secrets.ts";

// Every process of Playwright reads this file: what is made up here is handed on by the environment.
process.env.DRIFTDESK_E2E_PORT ??= "3210";
process.env.DRIFTDESK_E2E_DIR ??= mkdtempSync(join(tmpdir(), "driftdesk-e2e-"));
const port = Number(process.env.DRIFTDESK_E2E_PORT);
const chromium = process.env.PLAYWRIGHT_CHROMIUM ?? ["/usr/bin/chromium"].find((path) => existsSync(path));

export default defineConfig({
  testDir: "e2e",
  globalTeardown: "./e2e/no-secrets.ts",
  outputDir: "test-results",
  timeout: 60_000,
  // They share one desk, and what one person decides another one sees.
  workers: 1,
  fullyParallel: false,
  forbidOnly: true,
  reporter: "list",
  use: {
    baseURL: `http://localhost:${port}`,
    trace: "retain-on-failure",
    launchOptions: {
      ...(chromium && { executablePath: chromium }),
      // Chromium's own sandbox does not work for root.
      args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
    },
  },
  webServer: {
    command: `"${process.execPath}" sandbox/demo.ts`,
    url: `http://localhost:${port}/api/health`,
    timeout: 180_000,
    // A desk that somebody started on that port by hand saves its start; `npm test` takes a port of its own.
    reuseExistingServer: true,
    stdout: "pipe",
    gracefulShutdown: { signal: "SIGTERM", timeout: 20_000 },
    env: {
      PORT: String(port),
      DRIFTDESK_DIR: process.env.DRIFTDESK_E2E_DIR,
      // Everything that the desk says in all specs together has to be without secrets.
      DRIFTDESK_DEMO_OUTPUT: outputFile(process.env.DRIFTDESK_E2E_DIR),
      LOG_LEVEL: "debug",
    },
  },
});
