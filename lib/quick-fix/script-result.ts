// What a script prints when it has been written, as it can be brought back: one line of JSON for each of its tables.
import { z } from "zod";

/** Whose result it is. */
export interface ScriptName {
  /** The action that it carries out; null for a script that no desk knows. */
  bulk: number | null;
  /** Made for this script, so that no other one's result is taken for its. */
  nonce: string;
}

const lineSchema = z.object({
  driftdesk: z.literal("written"),
  bulk: z.number().int().positive().nullable(),
  script: z.string(),
  resource: z.string(),
  account: z.string(),
  rows: z.number().int().nonnegative(),
});
export type ResultLine = z.infer<typeof lineSchema>;

export const resultLine = (
  { bulk, nonce }: ScriptName,
  written: Pick<ResultLine, "resource" | "account" | "rows">,
): string => JSON.stringify({ driftdesk: "written", bulk, script: nonce, ...written } satisfies ResultLine);

/** The result lines in what psql printed, however that was set to print, and whatever stands around them. */
export function readResult(text: string): ResultLine[] {
  const found = text.split(/\r\n|\r|\n/).flatMap((line) => {
    const json = /\{"driftdesk":.*\}/.exec(line)?.[0];
    if (json === undefined) return [];
    try {
      const parsed = lineSchema.safeParse(JSON.parse(json));
      return parsed.success ? [parsed.data] : [];
    } catch {
      return [];
    }
  });
  return found;
}
