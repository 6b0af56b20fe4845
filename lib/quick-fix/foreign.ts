// Files that people take for a CSV file, by how they begin.
const bytes: readonly (readonly [begin: string, what: string])[] = [
  ["PK\x03\x04", "a workbook of a spreadsheet (.xlsx), or another archive"],
  ["PK\x05\x06", "an empty archive (.zip)"],
  ["\xD0\xCF\x11\xE0", "a workbook of a spreadsheet (.xls)"],
  ["\x1F\x8B", "packed (.gz)"],
  ["%PDF-", "a PDF"],
  ["\x89PNG", "a picture"],
  ["\xFF\xD8\xFF", "a picture"],
];
const texts: readonly (readonly [begin: RegExp, what: string])[] = [
  [/^\s*<(!doctype|html|\?xml|head|body|table|!--)/i, "a web page (HTML or XML)"],
  [/^\s*(\{\s*["}]|\[\s*[[{"\]])/, "JSON"],
];

/** What a file is instead of a CSV, and what to do about it; null for one that may be text. */
export function foreignOf(begun: Buffer): string | null {
  const text = begun.toString("latin1").replace(/^\xEF\xBB\xBF/, "");
  const found = bytes.find(([begin]) => text.startsWith(begin)) ?? texts.find(([begin]) => begin.test(text));
  if (!found) return null;
  const [, what] = found;
  return `This file is no CSV: it is ${what}. Choose “Export” in Stripe's Dashboard, and bring the file that it gives as it is.`;
}
