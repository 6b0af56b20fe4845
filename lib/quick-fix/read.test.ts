import { expect, test } from "vitest";
import { DriftdeskError } from "../errors.ts";
import { type Export, type ExportLine, readExport } from "./read.ts";

const subscriptionHeader =
  "id,Customer ID,Customer Email,Plan,Quantity,Currency,Interval,Amount,Status,Created (UTC),Current Period End (UTC),Canceled At (UTC),team (metadata)";
const subscriptionLine =
  'sub_1NffrFGabcdefgh,cus_NffrFGabcdefgh,ada@example.com,price_pro,1,usd,month,"1,049.00",active,2026-11-12 09:14,2026-12-12 09:14:30,,"Core, platform"';

async function read(
  text: string | Uint8Array,
  chunk = 7,
): Promise<Omit<Export, "lines"> & { lines: ExportLine[] }> {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  async function* source() {
    for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
  }
  const { lines, ...rest } = await readExport(source());
  const read: ExportLine[] = [];
  for await (const line of lines) read.push(line);
  return { ...rest, lines: read };
}

const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });
const problemOf = (line: ExportLine | undefined) => (line && "problem" in line ? line.problem : null);

test("an export of subscriptions is read by its column names", async () => {
  const { understood, lines } = await read(`${subscriptionHeader}\n${subscriptionLine}\n`);
  expect(understood).toMatchObject({ kind: "subscriptions", delimiter: ",", ignored: [] });
  expect(understood.columns).toContainEqual({ header: "Created (UTC)", name: "created" });
  expect(lines).toEqual([
    {
      line: 2,
      row: {
        id: "sub_1NffrFGabcdefgh",
        customer: "cus_NffrFGabcdefgh",
        email: "ada@example.com",
        values: {
          id: "sub_1NffrFGabcdefgh",
          "customer id": "cus_NffrFGabcdefgh",
          "customer email": "ada@example.com",
          plan: "price_pro",
          quantity: 1,
          currency: "usd",
          interval: "month",
          amount: 104_900,
          status: "active",
          created: Date.UTC(2026, 10, 12, 9, 14) / 1_000,
          "current period end": Date.UTC(2026, 11, 12, 9, 14, 30) / 1_000,
          "canceled at": null,
          "metadata.team": "Core, platform",
        },
      },
    },
  ]);
});

test.each([
  ["customers", "Email,id,Name,Delinquent", "ada@example.com,cus_NffrFGabcdefgh,Ada,false"],
  ["payments", "Status,Amount,Currency,id,Fee", "Paid,49.00,usd,ch_3NffrFGabcdefgh,1.72"],
  ["payments", "id,Amount,Currency,Status", "pi_3NffrFGabcdefgh,49.00,usd,Failed"],
  [
    "payouts",
    "id,Amount,Currency,Arrival Date (UTC),Status",
    "po_1NffrFGabcdefgh,49.00,usd,2026-11-12 00:00,paid",
  ],
  ["subscriptions", "STATUS, Id ,plan", "active,sub_1NffrFGabcdefgh,price_pro"],
])("an export of %s is known by %s", async (kind, header, line) => {
  const { understood, lines } = await read(`${header}\n${line}\n`);
  expect(understood.kind).toBe(kind);
  expect(lines).toMatchObject([{ line: 2, row: {} }]);
});

test("byte-order mark, CRLF, semicolons, blank lines and a spreadsheet's first line change nothing", async () => {
  const plain = await read(`${subscriptionHeader}\n${subscriptionLine}\n`);
  const semicolons = [subscriptionHeader, subscriptionLine].map((line) =>
    line.replace(/"[^"]*"|,/g, (part) => (part === "," ? ";" : part)),
  );
  const disturbed = await read(`\uFEFFsep=;\r\n${semicolons[0]}\r\n\r\n${semicolons[1]}\r\n`);
  expect(disturbed.understood).toEqual({ ...plain.understood, delimiter: ";" });
  expect(disturbed.lines).toEqual([{ ...plain.lines[0], line: 4 }]);
});

test("UTF-16 that says so is read, other bytes are refused with their line", async () => {
  const text = `id,Email,Name\ncus_NffrFGabcdefgh,ada@example.com,Adá\n`;
  const wide = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, "utf16le")]);
  expect((await read(wide)).lines).toMatchObject([{ row: { values: { name: "Adá" } } }]);
  const latin = Buffer.from(text, "latin1");
  await expect(read(latin)).rejects.toEqual(refusal("export_unreadable", /line 2 .* not written in UTF-8/));
  const workbook = Buffer.from([0x50, 0x4b, 0x03, 0x04, 0, 0, 0, 0]);
  await expect(read(workbook)).rejects.toEqual(refusal("export_unreadable", /workbook/));
});

test("lines are numbered as an editor numbers them, also behind line breaks in quotes", async () => {
  const { lines } = await read(
    `id,Description,Email\ncus_NffrFGabcdefg1,"two\nlines",a@example.com\n\ncus_NffrFGabcdefg2,,b@example.com\ncus_NffrFGabcdefg3,"three\r\n\r\nlines",c@example.com\nno,,d@example.com\n`,
  );
  expect(lines.map(({ line }) => line)).toEqual([2, 5, 6, 9]);
  expect(problemOf(lines[3])).toMatch(/“no” is no id of Stripe's/);
});

test.each([
  ["49.00", "usd", 4_900],
  ["1,000.00", "usd", 100_000],
  ["1.000,00", "eur", 100_000],
  ["1 000,5", "eur", 100_050],
  ["1,234,567", "usd", 123_456_700],
  ["49,00", "eur", 4_900],
  ["1000", "jpy", 1_000],
  ["1000.00", "jpy", 1_000],
  ["1.234", "kwd", 1_234],
  ["1,234.500", "kwd", 1_234_500],
  ["0,125", "kwd", 125],
  ["1,234", "jpy", 1_234],
  ["1000.00", "isk", 100_000],
  ["1\u202F000,00", "eur", 100_000],
  ["1'000.00", "chf", 100_000],
  ["1000,120", "eur", 100_012],
  ["(5.00)", "usd", -500],
  ["\u22125.00", "usd", -500],
  ["-5.00", "usd", -500],
  ["0.00", "usd", 0],
])("the amount %s in %s is %i minor units", async (amount, currency, minor) => {
  const { lines } = await read(`id,Amount,Currency\npo_1NffrFGabcdefgh,"${amount}",${currency}\n`);
  expect(lines).toMatchObject([{ row: { values: { amount: minor } } }]);
});

test.each([
  ["Amount", "1.2E+05", /shortened the amount/],
  ["Amount", "12.345", /in two ways/],
  ["Amount", "1,000", /in two ways/],
  ["Amount", "0.005", /more decimals/],
  ["Amount", "1000,125", /more decimals/],
  ["Amount", "$49.00", /with a sign of its own/],
  ["Amount", "'49.00", /An apostrophe/],
  ["Amount", "=49+1", /is a formula/],
  ["Amount", "9007199254740993.00", /too large/],
  ["Amount", "1,00,000.00", /no amount like/],
  ["id", "1.23E+15", /turned the id into the number/],
  ["id", "po_1Nff…efgh", /is shortened/],
  ["id", "po_1NffrFGabcd", /too short/],
  ["id", "'po_1NffrFGabcdefgh", /An apostrophe/],
  ["id", '=""po_1NffrFGabcdefgh""', /is a formula/],
  ["id", "Total", /a sum that somebody added/],
  ["id", "ch_3NffrFGabcdefgh", /of another kind than this file/],
  ["Arrival Date (UTC)", "46010.384", /turned the time into the number/],
  ["Arrival Date (UTC)", "11/12/2026 09:14", /day from the month/],
  ["Arrival Date (UTC)", "2026-02-30 10:00", /There is no time/],
  ["Arrival Date (UTC)", "0026-11-12 00:00", /There is no time/],
  ["Arrival Date (UTC)", "2026/11/12 9:14", /not like 2026-11-25/],
  ["Arrival Date (UTC)", "12.11.26", /day from the month/],
  ["Arrival Date (UTC)", "14:30.0", /only a part of the time/],
  ["Created (UTC)", "2026-11-12", /The time of day is gone/],
  ["Currency", "dollars", /no currency/],
  ["Arrival Date (UTC)", "########", /too narrow/],
  ["Status", "#NAME?", /for a formula/],
  ["Livemode", "maybe", /neither true nor false/],
])("%s that says %s is named, and its line left out", async (header, cell, problem) => {
  const cells: Record<string, string> = {
    id: "po_1NffrFGabcdefgh",
    Amount: "49.00",
    Currency: "usd",
    "Arrival Date (UTC)": "2026-11-12 00:00",
    "Created (UTC)": "2026-11-10 09:14",
    Status: "paid",
    Livemode: "true",
  };
  const good = { ...cells, id: "po_1NffrFGabcdefgz" };
  const line = (of: Record<string, string>) =>
    Object.values(of)
      .map((one) => `"${one}"`)
      .join(",");
  const { lines } = await read(
    `${Object.keys(cells).join(",")}\n${line(good)}\n${line({ ...cells, [header]: cell })}\n`,
  );
  expect(lines).toMatchObject([
    { line: 2, row: {} },
    { line: 3, problem: expect.stringMatching(problem) },
  ]);
});

test("a line with too many or too few cells, without anybody, or about the same object again is left out", async () => {
  const { lines } = await read(
    "id,Customer Email,Status\nsub_1NffrFGabcdefgh,a@example.com,active\nsub_2NffrFGabcdefgh,active\nsub_3NffrFGabcdefgh,a,b,c\n,,active\nsub_1NffrFGabcdefgh,a@example.com,canceled\n",
  );
  expect(lines.map(problemOf)).toEqual([
    null,
    expect.stringMatching(/It has 2 cells, and the first line has 3/),
    expect.stringMatching(/It has 4 cells/),
    expect.stringMatching(/neither an id nor a customer nor an address/),
    expect.stringMatching(/stands in line 2 already/),
  ]);
});

test.each([
  ["", "export_unknown", /empty/],
  ["Date,Total\n2026-11-12,5\n", "export_unknown", /“Date”, “Total”.*among them id/],
  ["id,Status,Status\nsub_1NffrFGabcdefgh,a,b\n", "export_unknown", /Two columns are called “Status”/],
  [
    "Plan,Interval,Current Period End (UTC)\nprice_pro,month,2026-11-12 00:00\n",
    "export_unknown",
    /No column says/,
  ],
  [
    'id,Email,Name\ncus_NffrFGabcdefgh,a@example.com,"Ada\n',
    "export_unreadable",
    /beyond line 1: .*never closed/,
  ],
  ['id,Email,Name\ncus_NffrFGabcdefgh,a@example.com,"A"da\n', "export_unreadable", /middle of a cell/],
])("the file %j is refused as a whole", async (text, code, message) => {
  await expect(read(text)).rejects.toEqual(refusal(code, message));
  await expect(read(text)).rejects.toBeInstanceOf(DriftdeskError);
});

test("a hundred thousand lines are read one at a time", async () => {
  let given = 0;
  let taken = 0;
  let ahead = 0;
  async function* source() {
    yield new TextEncoder().encode("id,Email,Name\n");
    for (; given < 100_000; given += 100) {
      const lines = Array.from(
        { length: 100 },
        (_, i) => `cus_Nff${String(given + i).padStart(11, "0")},a@example.com,Ada\n`,
      );
      yield new TextEncoder().encode(lines.join(""));
    }
  }
  const { lines } = await readExport(source());
  for await (const line of lines) {
    expect("row" in line).toBe(true);
    taken++;
    ahead = Math.max(ahead, given - taken);
  }
  expect(taken).toBe(100_000);
  expect(ahead).toBeLessThan(10_000);
});

test.each([
  ["a workbook", "PK\x03\x04\x14\0\x06\0", /workbook of a spreadsheet \(\.xlsx\)/],
  ["an old workbook", "\xD0\xCF\x11\xE0\xA1\xB1", /workbook of a spreadsheet \(\.xls\)/],
  ["a packed file", "\x1F\x8B\x08\0", /packed \(\.gz\)/],
  ["a PDF", "%PDF-1.7\n%\xE2\xE3", /a PDF/],
  ["a page", "<!DOCTYPE html>\n<html>", /a web page/],
  ["JSON", '[\n  {"id": "sub_1NffrFGabcdefgh"}]', /JSON/],
])("%s instead of a CSV is called that", async (_, begin, message) => {
  await expect(read(Buffer.from(begin, "latin1"))).rejects.toEqual(
    refusal("export_unreadable", new RegExp(`no CSV: it is .*${message.source}.*Dashboard`)),
  );
});

test.each([
  ["id,Email,Name\n", /names of its columns and nothing else/],
  ["id,Amount,Status\npo_1NffrFGabcdefgh,5.00,paid\n", /amounts and no column Currency/],
  ["id,Betrag,Zustand\npo_1NffrFGabcdefgh,5.00,paid\n", /“id”, “Betrag”, “Zustand”.*in English/],
])("%j is refused as a whole, with what to do", async (text, message) => {
  await expect(read(text)).rejects.toEqual(refusal("export_unknown", message));
});

test("times of another zone are left out, and said to be", async () => {
  const { understood, lines } = await read(
    "id,Status,Created (Europe/Berlin),Ended At\nsub_1NffrFGabcdefgh,active,2026-11-12 09:14,2026-11-12 09:14\n",
  );
  expect(understood.ignored).toEqual(["Created (Europe/Berlin)", "Ended At"]);
  expect(understood.notes).toEqual([
    expect.stringMatching(/“Created \(Europe\/Berlin\)” .*Choose UTC/),
    expect.stringMatching(/“Ended At” .*Choose UTC/),
  ]);
  expect(lines).toMatchObject([{ row: { values: { status: "active" } } }]);
});

test("the payment of a guest has no customer", async () => {
  const { lines } = await read(
    "id,Amount,Currency,Customer ID\nch_3NffrFGabcdefgh,5.00,usd,gcus_1NffrFGabcdefgh\n",
  );
  expect(lines).toMatchObject([{ row: { customer: null, values: { "customer id": null, amount: 500 } } }]);
});

test("files that were put together: every line end is one, and a second header is named", async () => {
  const { lines } = await read(
    "id,Email,Name,\r\ncus_NffrFGabcdefg1,a@b.c,A,\ncus_NffrFGabcdefg2,a@b.c,B,\rid,Email,Name,\r\ncus_NffrFGabcdefg3,a@b.c,C,\n",
  );
  expect(lines.map(({ line }) => line)).toEqual([2, 3, 4, 5]);
  expect(lines.map(problemOf)).toEqual([null, null, expect.stringMatching(/repeats the names/), null]);
});

test("of lines that contradict each other none is used, the same line twice is used once", async () => {
  const { lines } = await read(
    "id,Email,Name\ncus_NffrFGabcdefgh,a@b.c,A\ncus_NffrFGabcdefgh,a@b.c,A\ncus_NffrFGabcdefgh,a@b.c,B\ncus_NffrFGabcdefgh,a@b.c,A\n",
  );
  expect(lines).toMatchObject([
    { line: 2, row: {} },
    { line: 3, problem: expect.stringMatching(/stands in line 2 already, with the same words/) },
    { line: 4, problem: expect.stringMatching(/not with the same words/), withdraws: 2 },
    { line: 5, problem: expect.stringMatching(/not with the same words/) },
  ]);
  for (const i of [1, 3]) expect(lines[i]).not.toHaveProperty("withdraws");
});

test("what no editor could read is named with its line, however far down", async () => {
  const line = (n: number) => `cus_NffrFG${String(n).padStart(8, "0")},a@b.c,Zoë\r\n`;
  const good = `id,Email,Name\r\n${Array.from({ length: 9_998 }, (_, n) => line(n)).join("")}`;
  const broken = (bytes: Buffer, end = "\r\n") =>
    Buffer.concat([Buffer.from(good.replaceAll("\r\n", end)), bytes, Buffer.from(line(0))]);
  for (const [chunk, end] of [
    [977, "\r"],
    [977, "\r\n"],
    [65_536, "\n"],
  ] as const) {
    await expect(read(broken(Buffer.from("Zo\xEB", "latin1"), end), chunk)).rejects.toEqual(
      refusal("export_unreadable", /^In line 10000 the file is not written in UTF-8/),
    );
    await expect(read(broken(Buffer.from("x\0"), end), chunk)).rejects.toEqual(
      refusal("export_unreadable", /^In line 10000 there are zero bytes/),
    );
  }
});

test("a line of ten megabytes is refused where it begins", async () => {
  const long = `id,Email,Name\ncus_NffrFGabcdefgh,a@b.c,${"x".repeat(10_000_000)}\n`;
  await expect(read(long, 65_536)).rejects.toEqual(
    refusal("export_unreadable", /beyond line 1: .*more than 100,000 characters/),
  );
});
