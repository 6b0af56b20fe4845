import type { Actor } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";

/**
 * What can be allowed, and how a refusal calls it. `decide` is one discrepancy at a time, `decide_money` one that changes
 * an amount, `bulk` many at once. Who may decide something may also be the second person to it.
 */
const inWords = {
  view: "see this",
  look_up: "look up what Stripe says",
  decide: "decide on differences",
  decide_money: "change amounts of money",
  bulk: "decide on many differences at once",
  run: "start or stop runs",
  import: "bring files that were exported from Stripe",
  export: "export the history",
  manage_users: "manage people and how they sign in",
  manage_tokens: "make or revoke API tokens",
  read_metrics: "read the metrics",
  manage_schedules: "change when runs happen by themselves",
};
export type Permission = keyof typeof inWords;
export const permissions = Object.keys(inWords) as Permission[];

/** The one place that says who may do what. Settings and docs/rights.md show it; a test compares them. */
const allowed: Record<Actor["role"], readonly Permission[]> = {
  viewer: ["view", "look_up"],
  support: ["view", "look_up", "decide", "run"],
  finance: ["view", "look_up", "decide", "decide_money", "bulk", "run", "import", "export"],
  admin: permissions,
  // Schedules and policies; their own limits are in the config.
  system: ["view", "decide", "decide_money", "bulk", "run"],
  // What its scopes say, and nothing else.
  token: [],
};

/** What an API token can be made for, and what each scope lets it do. None of them decides on anything. */
export const scopePermissions = {
  "runs:read": "view",
  "runs:start": "run",
  "audit:export": "export",
  "status:read": "look_up",
  "metrics:read": "read_metrics",
} as const satisfies Record<string, Permission>;
export type Scope = keyof typeof scopePermissions;
export const scopes = Object.keys(scopePermissions) as Scope[];

export function can(role: Actor["role"], permission: Permission): boolean {
  return allowed[role].includes(permission);
}

/** Throws `not_allowed` when neither the actor's role nor, for a token, one of its scopes has the permission. */
export function authorise(actor: Actor, permission: Permission): void {
  if (can(actor.role, permission)) return;
  if (actor.role === "token") {
    authoriseToken(actor, permission);
    return;
  }
  const roles = (["support", "finance", "admin"] as const).filter((role) => can(role, permission));
  throw new DriftdeskError(
    "not_allowed",
    `${actor.email} has the role ${actor.role}, which may not ${inWords[permission]}. Roles that may: ${roles.join(", ")}.`,
    { status: 403 },
  );
}

function authoriseToken(actor: Actor, permission: Permission): void {
  if (actor.scopes?.some((scope) => scopePermissions[scope] === permission)) return;
  throw new DriftdeskError(
    "not_allowed",
    `The token ${actor.name} may not ${inWords[permission]}. It has the scopes ${actor.scopes?.join(", ") || "of nobody any more"}.`,
    { status: 403 },
  );
}
