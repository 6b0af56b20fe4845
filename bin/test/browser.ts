import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chromium } from "@playwright/test";

const places = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
  "/snap/bin/chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/**
 * A Chromium for the browser tests: one that is here, else Playwright's own, else the system's package. Answers its
 * path, or null for Playwright's own, and says what it does, for it may take a while.
 */
export async function provideBrowser(): Promise<string | null> {
  const named = process.env.PLAYWRIGHT_CHROMIUM;
  const here = [named, ...places].find((path) => path !== undefined && path !== "" && existsSync(path));
  if (here) {
    console.log(`Browser: ${here}`);
    return here;
  }
  if (existsSync(chromium.executablePath())) {
    console.log("Browser: the one that Playwright has fetched before");
    return null;
  }
  console.log("Browser: none is here, Playwright fetches one");
  const root = process.platform === "linux" && process.getuid?.() === 0;
  const install = [
    "node_modules/@playwright/test/cli.js",
    "install",
    ...(root ? ["--with-deps"] : []),
    "chromium",
  ];
  if (run(process.execPath, install) && existsSync(chromium.executablePath())) return null;
  if (root) {
    console.log("Browser: that did not work, apt-get installs one");
    if (run("apt-get", ["update", "-qq"]) && run("apt-get", ["install", "-y", "-qq", "chromium"]))
      return places.find((path) => existsSync(path)) ?? null;
  }
  console.log("Browser: none could be had. Install Chromium, or name one in PLAYWRIGHT_CHROMIUM.");
  return null;
}

function run(command: string, args: string[]): boolean {
  return spawnSync(command, args, { stdio: "inherit" }).status === 0;
}
