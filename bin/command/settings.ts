import { requireSingleSignOn } from "../../lib/auth/single-sign-on.ts";
import { openRecords, systemActor } from "../../lib/desk.ts";
import { DriftdeskError } from "../../lib/errors.ts";
import { note } from "./print.ts";

/** The way back in when the provider is gone: needs the database, and nothing of the desk. */
export async function singleSignOn(given: string): Promise<number> {
  if (given !== "off")
    throw new DriftdeskError(
      "setting_invalid",
      'The command line only says "off": an admin makes single sign-on the only way in under Settings.',
    );
  const records = await openRecords();
  try {
    await requireSingleSignOn({ ...records, environment: { oidc: undefined } }, false, systemActor);
    note("Passwords let people in.");
    return 0;
  } finally {
    await records.close();
  }
}
