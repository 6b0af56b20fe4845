import { z } from "zod";
import { answer } from "@/app/api/answer.ts";
import { getDesk } from "@/app/desk.ts";
import { requireActor } from "@/app/session.ts";
import { deskAbout } from "@/lib/accounts/known.ts";
import { DriftdeskError } from "@/lib/errors.ts";
import { storeImport } from "@/lib/quick-fix/store.ts";

const text = (longest: number) => z.string().min(1).max(longest);
const asked = z.object({
  source: z.enum(["file", "paste"]),
  key: z.uuid(),
  name: text(255).nullable(),
  account: text(100).nullable(),
  exported_at: z.iso.datetime().nullable(),
});

/** Takes a file, or a pasted list, as the body; answers `{ id, already }` when it has been read to its end. */
export function POST(request: Request): Promise<Response> {
  return answer(async () => {
    const actor = await requireActor("import");
    refuseOtherPages(request);
    const url = new URL(request.url);
    const given = asked.safeParse(
      Object.fromEntries(Object.keys(asked.shape).map((name) => [name, url.searchParams.get(name)])),
    );
    if (!given.success)
      throw new DriftdeskError(
        "import_malformed",
        `This is not how a file is brought: ${given.error.issues[0]?.path.join(".")}.`,
        { status: 400 },
      );
    if (!request.body)
      throw new DriftdeskError("export_unknown", "The file is empty. Export it again.", { status: 400 });
    const { source, key, name, account, exported_at } = given.data;
    const desk = deskAbout(await getDesk(), account ?? undefined);
    const length = Number(request.headers.get("content-length"));
    const stored = await storeImport(
      desk,
      {
        source,
        fileName: source === "file" ? (name ?? "export.csv") : null,
        exportedAt: exported_at === null ? null : new Date(exported_at),
        bytesTotal: Number.isSafeInteger(length) && length > 0 ? length : null,
        requestKey: key,
      },
      request.body,
      actor,
    );
    return Response.json(stored, { headers: { "cache-control": "no-store" } });
  });
}

/** A page of another site has the cookie sent along in some browsers: it brings nothing here. */
function refuseOtherPages(request: Request): void {
  const site = request.headers.get("sec-fetch-site");
  const origin = request.headers.get("origin");
  const host = request.headers.get("x-forwarded-host") ?? request.headers.get("host");
  // A page without an origin of its own sends the word "null".
  const ours =
    site === null
      ? origin !== null && URL.canParse(origin) && new URL(origin).host === host
      : site === "same-origin";
  if (ours) return;
  throw new DriftdeskError("other_origin", "Files are brought from the desk's own pages.", { status: 403 });
}
