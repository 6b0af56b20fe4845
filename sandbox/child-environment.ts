import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * What a process of a test begins with, which gets nothing else of ours. Hundreds of them load the same files: what Node has
 * compiled once is kept for the next.
 */
export const childEnvironment = () => ({
  PATH: process.env.PATH,
  NODE_ENV: "test" as const,
  NODE_COMPILE_CACHE: join(tmpdir(), "driftdesk-tests-compiled"),
});
