import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterEach, expect, test } from "vitest";

const run = promisify(execFile);
const loader = pathToFileURL(join(import.meta.dirname, "load.ts")).href;

let folder: string | undefined;
afterEach(async () => {
  if (folder) await rm(folder, { recursive: true });
  folder = undefined;
});

async function write(name: string, text: string): Promise<string> {
  folder ??= await mkdtemp(join(tmpdir(), "driftdesk-config-"));
  const file = join(folder, name);
  await writeFile(file, text);
  return file;
}

/** Loads in a process of its own: what resolves `driftdesk/config` there must be ours, not the test runner. */
async function load(file: string): Promise<unknown> {
  const script = `
    const { loadConfig } = await import(${JSON.stringify(loader)});
    try {
      const { accounts: [config] } = await loadConfig(${JSON.stringify(file)});
      const [field] = config.resources[0].fields;
      console.log(JSON.stringify({ name: config.resources[0].name, value: field.from({ created: 60, status: "paid" }) }));
    } catch (error) {
      console.log(JSON.stringify({ code: error.code, message: error.message }));
    }`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script]);
  return JSON.parse(stdout);
}

const resource = `stripe: "invoice", table: "t", key: "id", stripeId: "s"`;

test("a TypeScript file outside this folder imports driftdesk/config", async () => {
  const file = await write(
    "driftdesk.config.ts",
    `import { date, defineConfig, type ConfigDefinition } from "driftdesk/config";
     const config: ConfigDefinition = { resources: { bills: { ${resource}, fields: { at: (i) => date(i.created) } } } };
     export default defineConfig(config);`,
  );
  expect(await load(file)).toEqual({ name: "bills", value: "1970-01-01T00:01:00.000Z" });
});

test("a plain object in JavaScript is as good", async () => {
  const file = await write(
    "plain.mjs",
    `export default { resources: { bills: { ${resource}, fields: { status: "status" } } } };`,
  );
  expect(await load(file)).toEqual({ name: "bills", value: "paid" });
});

test("all mistakes of a file are in one error that names the file", async () => {
  const file = await write(
    "wrong.mjs",
    `export default { resources: { bills: { ${resource}, fields: {} } }, shedule: 1 };`,
  );
  expect(await load(file)).toEqual({
    code: "config_invalid",
    message: [
      `${file} has 2 mistakes:`,
      "  resources.bills.fields: name at least one column to compare",
      '  shedule: there is no such setting; did you mean "schedule"?',
    ].join("\n"),
  });
});

test("a file that does not run, exports nothing or is not there says so", async () => {
  const broken = await write("broken.mjs", "export default {");
  expect(await load(broken)).toMatchObject({
    code: "config_invalid",
    message: expect.stringMatching(/could not be loaded/),
  });
  const empty = await write("empty.mjs", "export const config = {};");
  expect(await load(empty)).toMatchObject({
    code: "config_invalid",
    message: expect.stringMatching(/exports nothing as default/),
  });
  expect(await load(`${empty}.gone`)).toMatchObject({
    code: "config_missing",
    message: expect.stringMatching(/DRIFTDESK_CONFIG/),
  });
});
