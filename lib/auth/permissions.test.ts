import { expect, test } from "vitest";
import { roles } from "../db/schema.ts";
import { authorise, can, permissions } from "./permissions.ts";

test("each role may do exactly this", () => {
  const table = Object.fromEntries(
    roles.map((role) => [role, permissions.filter((permission) => can(role, permission))]),
  );
  expect(table).toEqual({
    viewer: ["view"],
    support: ["view", "decide", "run"],
    finance: ["view", "decide", "decide_money", "bulk", "run", "export"],
    admin: ["view", "decide", "decide_money", "bulk", "run", "export", "manage_users", "manage_tokens"],
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
