import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { registerHooks } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { packageFolder } from "../db/package-folder.ts";
import { DriftdeskError } from "../errors.ts";
import type { Configuration } from "./resource.ts";
import { parseConfig } from "./schema.ts";

/** Loads a configuration, TypeScript or JavaScript, from anywhere. All of its mistakes are in one error, `config_invalid`. */
export async function loadConfig(file: string): Promise<Configuration> {
  const path = resolve(file);
  if (!existsSync(path))
    throw new DriftdeskError(
      "config_missing",
      `There is no configuration at ${path}. Write one (the README has a start), or set DRIFTDESK_CONFIG to where it is.`,
    );
  resolveOurselves();
  const text = await readFile(path);
  let loaded: { default?: unknown };
  try {
    loaded = await import(/* turbopackIgnore: true */ /* webpackIgnore: true */ pathToFileURL(path).href);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DriftdeskError("config_invalid", `${path} could not be loaded: ${reason}`, { cause: error });
  }
  if (loaded.default === undefined)
    throw new DriftdeskError(
      "config_invalid",
      `${path} exports nothing as default. End it with \`export default defineConfig({ … })\`.`,
    );
  const { config, issues } = parseConfig(loaded.default);
  if (config) {
    const source = createHash("sha256").update(text).digest("hex");
    for (const account of config.accounts) account.source = source;
    return config;
  }
  const lines = issues.map((issue) => `  ${issue.path || "(the whole config)"}: ${issue.message}`);
  throw new DriftdeskError(
    "config_invalid",
    [`${path} has ${issues.length === 1 ? "a mistake" : `${issues.length} mistakes`}:`, ...lines].join("\n"),
  );
}

let hooked = false;

/** A config outside this folder imports `driftdesk/config` too, where no package of that name is installed. */
function resolveOurselves(): void {
  if (hooked) return;
  hooked = true;
  const entry = pathToFileURL(join(packageFolder(), "lib", "config", "index.ts")).href;
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === "driftdesk/config" ? { url: entry, shortCircuit: true } : next(specifier, context),
  });
}
