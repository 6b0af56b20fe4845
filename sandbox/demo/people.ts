import { addUser, listUsers } from "../../lib/auth/users.ts";
import { type Actor, type Desk, systemActor } from "../../lib/desk.ts";

const person = (name: string, role: Actor["role"] & ("viewer" | "support" | "finance" | "admin")) => ({
  name,
  role,
  email: `${name.split(" ", 1).join().toLowerCase()}@driftdesk.example`,
});

/** One for each role, and a second one who may agree to amounts of money. */
export const admin = person("Ada Lovelace", "admin");
export const finance = person("Grace Hopper", "finance");
export const support = person("Katherine Johnson", "support");
const viewer = person("Barbara Liskov", "viewer");
export const secondFinance = person("Frances Allen", "finance");
export const people = [admin, finance, secondFinance, support, viewer];

export async function addPeople(desk: Pick<Desk, "sql" | "now">, password: string): Promise<void> {
  const known = new Set((await listUsers(desk)).map((user) => user.email));
  for (const { name, email, role } of people)
    if (!known.has(email)) await addUser(desk, { name, email, role, password }, systemActor);
}
