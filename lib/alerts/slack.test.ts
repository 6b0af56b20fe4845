import { expect, test } from "vitest";
import type { Message } from "./message.ts";
import { slackMessage } from "./slack.ts";

const message: Message = {
  id: "0c7f6f5c-6a0e-4a2b-9a53-0f6f3d1f4b11",
  at: new Date("2026-11-24T12:00:00Z"),
  title: "A run failed",
  parts: [],
  small: null,
  alerts: [],
};
const part = (texts: string[]): Message["parts"][number] => ({
  title: null,
  lines: texts.map((text) => ({ text, url: null })),
  url: "https://desk.example.com/runs/1",
  link: "See run 1",
});

test("what people wrote is neither a link nor a mention, and nothing is too long for Slack", () => {
  const { blocks } = slackMessage({
    ...message,
    title: "x".repeat(200),
    parts: [part([`<@U1> & ${"x".repeat(5_000)}`])],
  });
  const [header, text] = blocks as unknown as { text: { text: string } }[];
  expect(header?.text.text).toHaveLength(150);
  expect(text?.text.text).toMatch(/^&lt;@U1&gt; &amp; x+…$/);
});

test("of many lines whole ones are left out", () => {
  const lines = Array.from({ length: 40 }, (_, number) => `• line ${number} ${"&".repeat(100)}`);
  const { blocks, text } = slackMessage({ ...message, parts: Array(30).fill(part(lines)) });
  expect(blocks.length).toBeLessThanOrEqual(50);
  const [, section] = blocks as unknown as { text: { text: string } }[];
  expect(section?.text.text.length).toBeLessThanOrEqual(3_000);
  expect(section?.text.text).toMatch(/&amp;\n… and more$/);
  expect(text.length).toBeLessThanOrEqual(3_000);
});
