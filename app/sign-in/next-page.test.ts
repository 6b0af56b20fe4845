import { expect, test } from "vitest";
import { safeNext } from "./next-page.ts";

test.each([
  ["/runs/12?tab=audit", "/runs/12?tab=audit"],
  [undefined, "/"],
  ["", "/"],
  ["//evil.example/x", "/"],
  ["/\\evil.example", "/"],
  ["/\t/evil.example", "/"],
  ["https://evil.example/runs", "/"],
  ["javascript:alert(1)", "/"],
  ["/sign-in?next=/runs", "/"],
  [["/audit", "//evil.example"], "/audit"],
])("after sign-in, %j leads to %s", (given, page) => {
  expect(safeNext(given)).toBe(page);
});
