import { join } from "node:path";
import { defineConfig } from "vitest/config";

export default defineConfig({
  // As lib/config/load.ts resolves it for a config that lies anywhere: the test runner resolves by itself.
  resolve: { alias: { "driftdesk/config": join(import.meta.dirname, "lib", "config", "index.ts") } },
  test: {
    include: [
      "app/**/*.test.ts",
      "lib/**/*.test.ts",
      "sandbox/**/*.test.ts",
      "bin/**/*.test.ts",
      "bench/**/*.test.ts",
      "docs/**/*.test.ts",
    ],
    globalSetup: ["lib/db/testing-setup.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
