import { getDesk } from "@/app/desk.ts";
import { DriftdeskError } from "@/lib/errors.ts";

/** Answers with what `work` answers; errors that people can meet become their status, code and message. */
export async function answer(work: () => Promise<Response>): Promise<Response> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DriftdeskError && error.status < 500) return problem(error);
    const desk = await getDesk().catch(() => null);
    desk?.log.error(error, "a request failed");
    return problem(
      error instanceof DriftdeskError
        ? error
        : new DriftdeskError("internal", "Something went wrong here. The server's log says what."),
    );
  }
}

function problem(error: DriftdeskError): Response {
  return Response.json({ code: error.code, message: error.message }, { status: error.status });
}
