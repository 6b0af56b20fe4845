// Any file ends in lines or in an error that says what to do; and what a spreadsheet damaged is never read as something else.
import fc from "fast-check";
import { expect, test } from "vitest";
import { readCell } from "./cells.ts";
import { type ExportLine, readExport } from "./read.ts";

async function read(bytes: Uint8Array, chunk: number): Promise<ExportLine[] | { code: string }> {
  async function* source() {
    for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
  }
  const lines: ExportLine[] = [];
  try {
    for await (const line of (await readExport(source())).lines) lines.push(line);
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code !== "export_unreadable" && code !== "export_unknown") throw error;
    // It ends a sentence and says what to do.
    expect(message).toMatch(/export|Export|Remove|Save/);
    return { code };
  }
  return lines;
}

const tame =
  "id|Customer ID|Email|Amount|Currency|Status|sub_1NffrFGabcdefgh|cus_NffrFGabcdefgh|cus_NffrFGabcdefgi|usd|1,234.50|=|'|…|#####|\uFEFF|é|🙂".split(
    "|",
  );
const between = [
  ",",
  ",",
  ",",
  ",",
  ";",
  "\n",
  "\n",
  "\n",
  "\r\n",
  "\r",
  " ",
  '"a, b",',
  '"two\r\nlines",',
  '"""q""",',
];
const piece = fc.constantFrom(...tame, ...between);
const wild = fc.constantFrom(...tame, ...between, '"', "\0", "\t", "sep=;\n", "|");
// A header that is understood, and anything below it.
const begun = "id,Email,Name\r\ncus_NffrFGabcdefgh,a@b.c,x\n";
const text = (pieces: readonly string[]) => Buffer.from(pieces.join(""));
const line = fc
  .array(piece, { maxLength: 6 })
  .map((pieces) => `${pieces.join("").replaceAll(/[,;\r\n"]/g, "")},,\n`);
const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 2_000 }),
  fc.array(wild, { maxLength: 200 }).map(text),
  fc.array(piece, { maxLength: 200 }).map((pieces) => Buffer.from(`\uFEFF${pieces.join("")}`, "utf16le")),
  fc.array(fc.oneof(piece, line), { maxLength: 100 }).map((pieces) => text([begun, ...pieces])),
  fc.array(line, { maxLength: 60 }).map((lines) => text([begun, ...lines])),
  fc
    .tuple(fc.array(line), fc.uint8Array({ maxLength: 20 }))
    .map((some) => Buffer.concat([text(some[0]), some[1]])),
);

test("any bytes are lines or an error with a code, the same ones however they arrive", async () => {
  await fc.assert(
    fc.asyncProperty(anyBytes, fc.integer({ min: 1, max: 700 }), async (bytes, chunk) => {
      const whole = await read(bytes, Math.max(1, bytes.length));
      expect(await read(bytes, chunk)).toEqual(whole);
      if (!Array.isArray(whole)) return;
      const breaks = Buffer.from(bytes)
        .toString("latin1")
        .split(/\r\n|\n|\r/).length;
      for (const [i, { line }] of whole.entries()) {
        expect(line).toBeGreaterThan(whole[i - 1]?.line ?? 1);
        expect(line).toBeLessThanOrEqual(breaks);
      }
    }),
    { numRuns: 500 },
  );
});

const locales =
  "en-US en-GB en-CA en-IN de-DE de-CH fr-FR fr-CA es-ES sv-SE da-DK pl-PL pt-BR ja-JP zh-CN ko-KR ar-EG th-TH fa-IR".split(
    " ",
  );

test("a time in any country's form is the same time, or named", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1_300_000_000, max: 1_900_000_000 }),
      fc.constantFrom(...locales),
      fc.constantFrom("short", "medium", "long"),
      fc.constantFrom("short", "medium", undefined),
      (at, locale, dateStyle, timeStyle) => {
        const options = { dateStyle, timeStyle, timeZone: "UTC" } as const;
        const cell = new Intl.DateTimeFormat(locale, options).format(at * 1_000);
        const read = readCell("time", cell, null);
        if ("value" in read) expect([at, at - (at % 60)]).toContain(read.value);
      },
    ),
    { numRuns: 1_000 },
  );
});

test("an amount in any country's form is the same amount, or named", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.integer({ min: -20_000, max: 20_000 }),
        fc.integer({ min: -2_000_000_000, max: 2_000_000_000 }),
      ),
      fc.constantFrom(
        { code: "usd", decimals: 2 },
        { code: "jpy", decimals: 0 },
        { code: "kwd", decimals: 3 },
      ),
      fc.constantFrom(...locales),
      fc.boolean(),
      fc.constantFrom("decimal", "currency"),
      fc.nat({ max: 3 }),
      (minor, { code, decimals }, locale, useGrouping, style, kept) => {
        const cell = new Intl.NumberFormat(locale, {
          style: style as "decimal" | "currency",
          currency: code.toUpperCase(),
          currencySign: "accounting",
          useGrouping,
          minimumFractionDigits: Math.min(kept, decimals),
          maximumFractionDigits: decimals,
        }).format(minor / 10 ** decimals);
        const read = readCell("money", cell, code);
        if ("value" in read) expect([cell, read.value]).toEqual([cell, minor]);
      },
    ),
    { numRuns: 3_000 },
  );
});

test("an id that is shorter than its neighbours is named", async () => {
  const id = (n: number) => `sub_1NffrFGabcdefghijkl${String(n).padStart(5, "0")}`;
  const ids = Array.from({ length: 60 }, (_, n) => id(n));
  await fc.assert(
    fc.asyncProperty(
      fc.nat({ max: 59 }),
      fc.integer({ min: 1, max: id(0).length - 1 }),
      async (at, length) => {
        // As long as Stripe's ids once were: such a one may be old.
        fc.pre(length !== "sub_".length + 14);
        const cut = ids.with(at, (ids[at] as string).slice(0, length));
        const lines = await read(
          Buffer.from(`id,Status\n${cut.map((one) => `${one},active`).join("\n")}\n`),
          4_096,
        );
        if (!Array.isArray(lines)) throw new Error("It was not read.");
        expect(lines.filter((line) => "problem" in line).map(({ line }) => line)).toEqual([at + 2]);
      },
    ),
    { numRuns: 60 },
  );
});
