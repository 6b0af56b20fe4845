import type { Actor } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";

/**
 * What can be allowed. `decide` is one discrepancy at a time, `decide_money` one that changes an amount, `bulk` many
 * at once.
 */
export const permissions = [
  "view",
  "decide",
  "decide_money",
  "bulk",
  "run",
  "export",
  "manage_users",
] as const;
export type Permission = (typeof permissions)[number];

const allowed: Record<Actor["role"], readonly Permission[]> = {
  viewer: ["view"],
  support: ["view", "decide", "run"],
  finance: ["view", "decide", "decide_money", "bulk", "run", "export"],
  admin: permissions,
  // Schedules and policies; their own limits are in the config.
  system: ["view", "decide", "decide_money", "bulk", "run"],
};

export function can(role: Actor["role"], permission: Permission): boolean {
  return allowed[role].includes(permission);
}

/** Throws `not_allowed` when the actor's role lacks the permission. */
export function authorise(actor: Actor, permission: Permission): void {
  if (can(actor.role, permission)) return;
  const roles = (["support", "finance", "admin"] as const).filter((role) => can(role, permission));
  throw new DriftdeskError(
    "not_allowed",
    `${actor.email} has the role ${actor.role}, which may not ${inWords[permission]}. Roles that may: ${roles.join(", ")}.`,
    { status: 403 },
  );
}

const inWords: Record<Permission, string> = {
  view: "see this",
  decide: "decide on differences",
  decide_money: "change amounts of money",
  bulk: "decide on many differences at once",
  run: "start or stop runs",
  export: "export the history",
  manage_users: "manage people",
};
