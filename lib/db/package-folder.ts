import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * The folder that Driftdesk is installed in, found from the working directory upwards: a bundler moves this very
 * file, so that its own place says nothing.
 */
export function packageFolder(): string {
  for (let folder = process.cwd(); ; folder = dirname(folder)) {
    const manifest = join(folder, "package.json");
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, "utf8")).name === "driftdesk")
      return folder;
    if (folder === dirname(folder)) return process.cwd();
  }
}
