import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";

test("every sentence about what is safe names a test that is there", async () => {
  const page = await readFile(join(import.meta.dirname, "safety.md"), "utf8");
  const [promises = ""] = page.split("## What it cannot protect you from");
  const sentences = promises.split(/\n(?=- |## |\n)/).filter((part) => part.startsWith("- "));
  expect(sentences.length).toBeGreaterThan(30);
  const missing: string[] = [];
  for (const sentence of sentences) {
    const named = [...sentence.matchAll(/\[([^\]]+)\]\(\.\.\/([^)]+)\): “([^”]+)”/g)];
    if (named.length === 0) missing.push(`nothing stands behind: ${sentence}`);
    for (const [, shown, file = "", title = ""] of named) {
      const source = await readFile(join(import.meta.dirname, "..", file), "utf8").catch(() => "");
      const there = ['"', "`"].some((quote) => source.includes(`${quote}${title}${quote},`));
      if (shown !== file || !there) missing.push(`${file}: “${title}”`);
    }
  }
  expect(missing).toEqual([]);
});
