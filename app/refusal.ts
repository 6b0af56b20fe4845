import { getDesk } from "@/app/desk.ts";
import { DriftdeskError } from "@/lib/errors.ts";

/** What a person is told when an action failed: our own sentence, or, for what nobody foresaw, `message` and a line in the log. */
export async function refusal(
  error: unknown,
  unforeseen: { logged: string; message?: string },
): Promise<{ code: string; message: string }> {
  if (error instanceof DriftdeskError && error.status < 500)
    return { code: error.code, message: error.message };
  const desk = await getDesk().catch(() => null);
  desk?.log.error(error, unforeseen.logged);
  return {
    code: "internal",
    message: unforeseen.message ?? "Something went wrong on the server. Its log says what.",
  };
}
