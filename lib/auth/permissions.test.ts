import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { roles } from "../db/schema.ts";
import { authorise, can, permissions, scopePermissions } from "./permissions.ts";

test("each role may do exactly this", () => {
  const table = Object.fromEntries(
    roles.map((role) => [role, permissions.filter((permission) => can(role, permission))]),
  );
  expect(table).toEqual({
    viewer: ["view", "look_up"],
    support: ["view", "look_up", "decide", "run"],
    finance: ["view", "look_up", "decide", "decide_money", "bulk", "run", "import", "export"],
    admin: [
      "view",
      "look_up",
      "decide",
      "decide_money",
      "bulk",
      "run",
      "import",
      "export",
      "manage_users",
      "manage_tokens",
      "read_metrics",
      "manage_schedules",
    ],
  });
});

test("a refusal says who, what and which roles may", () => {
  const actor = { email: "vera@example.com", name: "Vera", role: "viewer" as const };
  expect(() => authorise(actor, "export")).toThrow(
    expect.objectContaining({
      code: "not_allowed",
      status: 403,
      message: expect.stringMatching(/vera@example\.com.*viewer.*export the history.*finance, admin/),
    }),
  );
  expect(() => authorise(actor, "view")).not.toThrow();
});

test("docs/rights.md shows the very table, and the scopes of tokens", () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/rights.md"), "utf8");
  const rows = page
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) =>
      line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim()),
    );
  const shown = rows.filter((row) => row.length === 6);
  expect(shown.map(([permission, , ...ticks]) => [permission, ...ticks])).toEqual(
    permissions.map((permission) => [
      `\`${permission}\``,
      ...roles.map((role) => (can(role, permission) ? "✓" : "")),
    ]),
  );
  expect(rows.filter((row) => row.length === 3).map(([scope, , stands]) => [scope, stands])).toEqual(
    Object.entries(scopePermissions).map(([scope, permission]) => [`\`${scope}\``, `\`${permission}\``]),
  );
});
