// What a lookup can be asked by, and what that is called in the caches.
import { createHash } from "node:crypto";
import { DriftdeskError } from "../errors.ts";

export interface Key {
  by: "local" | "customer" | "email";
  /** Without blanks around it. */
  text: string;
}

const longest = 255;

/** `cus_…` is a customer, what has an @ in it an address, anything else a local key. Throws `key_invalid`. */
export function parseKey(given: string): Key {
  const text = given.trim();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (text === "" || text.length > longest || /[\u0000-\u001f\u007f]/.test(text))
    throw new DriftdeskError(
      "key_invalid",
      `A lookup takes a local key, a customer's id (cus_…) or an e-mail address, of ${longest} characters at most.`,
      { status: 400 },
    );
  if (/^cus_\w+$/.test(text)) return { by: "customer", text };
  return { by: /^[^@\s]+@[^@\s]+$/.test(text) ? "email" : "local", text };
}

/** Whose data it is: one Stripe account in one mode. */
export interface Realm {
  accountId: string;
  livemode: boolean;
}

const realmName = ({ accountId, livemode }: Realm): string =>
  `driftdesk:${accountId}:${livemode ? "live" : "test"}`;

/**
 * What an answer is kept under, e.g. `driftdesk:acct_1:live:users:123:sub_status`. Addresses are hashed: whoever lists a cache's keys
 * learns nobody's. The names of resources have no hyphen, so that nothing is called the same as something else.
 */
export function statusName(realm: Realm, resource: string, { by, text }: Key): string {
  const about = {
    local: () => `${resource}:${text}`,
    customer: () => `by-customer:${resource}:${text}`,
    email: () => `by-email:${resource}:${hashOf(text.toLowerCase())}`,
  };
  return `${realmName(realm)}:${about[by]()}:sub_status`;
}

/** Under which it is noted when something was last known to have changed about a customer. */
export const changedName = (realm: Realm, customerId: string): string =>
  `${realmName(realm)}:by-customer:${customerId}:changed`;

/** The same of everybody: where it is not known any more who it was. */
export const anybodyChangedName = (realm: Realm): string => `${realmName(realm)}:changed`;

const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 32);
