import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { cronMistake } from "../lib/config/cron.ts";

const page = await readFile(join(import.meta.dirname, "operating.md"), "utf8");
const blocks = [...page.matchAll(/```(\w+)\n(.*?)```/gs)].map(([, language, text = ""]) => ({
  language,
  text,
}));
const block = (language: string, holds: string) =>
  blocks.find((one) => one.language === language && one.text.includes(holds))?.text ?? "";

test("the examples for other schedulers can be read by them, and none has a secret on a command line", () => {
  const workflow = parse(block("yaml", "workflow_dispatch"));
  expect(cronMistake(workflow.on.schedule[0].cron)).toBeNull();
  const [step] = workflow.jobs.reconcile.steps;
  expect(step.env.CRON_SECRET).toMatch(/^\$\{\{ secrets\.CRON_SECRET \}\}$/);
  expect(step.run).not.toContain("secrets.");
  const [cron] = JSON.parse(block("json", "crons")).crons;
  expect(cron.path).toBe("/api/cron/reconcile");
  expect(cronMistake(cron.schedule)).toBeNull();
  expect(cronMistake(block("crontab", "reconcile").split(" ").slice(0, 5).join(" "))).toBeNull();
  for (const { text } of blocks) expect(text).not.toMatch(/curl[^|]*Bearer/);
});

test("each line of the units is a section, a comment or a setting", () => {
  const units = blocks.filter(({ language, text }) => language === "ini" && text.includes("reconcile"));
  expect(units).toHaveLength(2);
  for (const { text } of units)
    for (const line of text.trim().split("\n").filter(Boolean))
      expect(line).toMatch(/^(#.*|\[[A-Z][a-z]+\]|[A-Z][A-Za-z]+=.+)$/);
});
