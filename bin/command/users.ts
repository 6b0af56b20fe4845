import { randomBytes } from "node:crypto";
import { text } from "node:stream/consumers";
import { addUser } from "../../lib/auth/users.ts";
import type { Role } from "../../lib/db/schema.ts";
import { openRecords, systemActor } from "../../lib/desk.ts";
import { note, print } from "./print.ts";

export interface AddUserOptions {
  role: string;
  name?: string;
  passwordStdin?: boolean;
}

/** Adds a user. The password is read from stdin, or made and shown this once. */
export async function addUserCommand(email: string, options: AddUserOptions): Promise<number> {
  const password = options.passwordStdin
    ? (await text(process.stdin)).replace(/\r?\n$/, "")
    : randomBytes(15).toString("base64url");
  const records = await openRecords();
  try {
    const user = await addUser(
      records,
      { email, name: options.name, role: options.role as Role, password },
      systemActor,
    );
    note(`${user.name} <${user.email}> is a user with the role ${user.role}.`);
    if (!options.passwordStdin) {
      note("The password, shown this once:");
      await print(password);
    }
    return 0;
  } finally {
    await records.close();
  }
}
