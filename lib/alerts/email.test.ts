import { createServer } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { startMail, type TestMail } from "../../sandbox/testing-mail.ts";
import { sendByEmail } from "./email.ts";

let mail: TestMail;
beforeAll(async () => {
  mail = await startMail();
});
beforeEach(() => {
  mail.mails.length = 0;
});
afterAll(() => mail.close());

const message = {
  id: "0c7f6f5c-6a0e-4a2b-9a53-0f6f3d1f4b11",
  at: new Date("2026-11-24T12:00:00Z"),
  title: "A run failed",
  parts: [{ title: null, lines: [], url: "https://desk.example.com/", link: "Look" }],
  small: null,
  alerts: [],
};
/** Nobody listens there. */
const nowhere = "127.0.0.1:9";
const way = (change: { url?: string } = {}) => ({
  url: mail.url,
  from: "Driftdesk <alerts@example.com>",
  to: ["ada@example.com", "fin@example.com"],
  ...change,
});

test("a mail is plain text and HTML in which what people wrote is text, from the address that was set", async () => {
  const title = `<b>"A & B"</b>\r\nBcc: eve@example.com`;
  const line = { text: "<img src=x>", url: 'https://desk.example.com/?a="b"' };
  const parts = [{ title: null, lines: [line], url: "https://desk.example.com/runs/7", link: "See run 7" }];
  expect(await sendByEmail(way(), { ...message, title, parts })).toEqual({ outcome: "sent" });
  const [{ raw = "", from = "", to = [] } = {}] = mail.mails;
  expect({ from, to }).toEqual({
    from: "alerts@example.com",
    to: ["ada@example.com", "fin@example.com"],
  });
  expect(raw).toContain("From: Driftdesk <alerts@example.com>");
  expect(raw).toContain(`Message-ID: <${message.id}@driftdesk>`);
  expect(raw).toContain("Auto-Submitted: auto-generated");
  expect(raw.split("\r\n\r\n")[0]).not.toMatch(/^Bcc:/m);
  const [, plain = "", html = ""] = raw
    .replaceAll("=\r\n", "")
    .replaceAll("=3D", "=")
    .split(/text\/(?:plain|html)/);
  expect(plain).toContain("<img src=x>\r\nSee run 7: https://desk.example.com/runs/7");
  expect(html).toContain('<a href="https://desk.example.com/?a=&quot;b&quot;">&lt;img src=x&gt;</a>');
  expect(html).not.toContain("<b>");
});

test.each([
  [{ at: "login", code: 535 }, "refused", "refused the user or the password (535)"],
  [{ at: "recipient", code: 450 }, "later", "refused the sender or the addresses (450)"],
  [{ at: "mail", code: 451 }, "later", "has a problem of its own (451)"],
  [{ at: "mail", code: 554 }, "refused", "refused the mail (554)"],
  [{ at: "mail", code: "dropped" }, "later", "could not be reached"],
] as const)("a mail that is answered with %o is %s", async (answer, outcome, problem) => {
  mail.answers.push(answer);
  const sending = await sendByEmail({ ...way(), to: ["ada@example.com"] }, message);
  expect(sending).toMatchObject({ outcome, problem: expect.stringContaining(problem) });
  expect(JSON.stringify(sending)).not.toContain("very-secret");
});

test("a mail that one address does not get is said, and not sent to the other again", async () => {
  mail.answers.push({ at: "recipient", code: 550 });
  expect(await sendByEmail(way(), message)).toEqual({
    outcome: "sent",
    problem: "The mail server did not take it for ada@example.com. See alerts.email.",
  });
  expect(mail.mails.map(({ to }) => to)).toEqual([["fin@example.com"]]);
});

test("a mail goes to no server that is silent, away, or cannot prove who it is", async () => {
  const silent = createServer();
  const port = await new Promise<number>((resolve) =>
    silent.listen(0, "127.0.0.1", () => resolve((silent.address() as { port: number }).port)),
  );
  const stranger = await startMail({ secure: true });
  const problem = async (url: string) => sendByEmail(way({ url }), message, 300);
  try {
    expect(await problem(`smtp://127.0.0.1:${port}`)).toMatchObject({
      outcome: "later",
      problem: "The mail server did not answer in time.",
    });
    expect(await problem(`smtp://user:very-secret@${nowhere}`)).toMatchObject({
      outcome: "later",
      problem: "The mail server could not be reached.",
    });
    expect(await problem(stranger.url)).toMatchObject({
      outcome: "later",
      problem: expect.stringContaining("could not be secured"),
    });
    expect(stranger.mails).toEqual([]);
  } finally {
    silent.close();
    await stranger.close();
  }
});
