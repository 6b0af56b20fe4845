import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, type Page } from "@playwright/test";
import type { Role } from "../lib/db/schema.ts";
import { people } from "../sandbox/demo/people.ts";

/** Signs the page's browser in as the demonstration's person with this role, by the form that everybody uses. */
export async function signIn(page: Page, role: Role): Promise<{ name: string; email: string }> {
  const person = people.find((each) => each.role === role);
  if (!person) throw new Error(`The demonstration has nobody with the role ${role}.`);
  await signInAs(page, person.email, demoPassword());
  return person;
}

export async function signInAs(page: Page, email: string, password: string): Promise<void> {
  await page.goto("/sign-in");
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page).not.toHaveURL(/\/sign-in/);
}

/** Made when the demonstration first started, and kept in its folder. */
export function demoPassword(): string {
  const file = join(process.env.DRIFTDESK_E2E_DIR ?? ".driftdesk", "demo.json");
  return JSON.parse(readFileSync(file, "utf8")).password;
}
