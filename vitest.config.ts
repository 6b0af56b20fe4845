import { defineConfig } from "vitest/config";

export default defineConfig({
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
