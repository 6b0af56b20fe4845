import { answer } from "@/app/api/answer.ts";
import { requireCaller } from "@/app/api/caller.ts";
import { getDesk } from "@/app/desk.ts";
import { inScrapeTime, scrape } from "@/lib/metrics/scrape.ts";

/** For Prometheus, with an API token for it: what the whole desk does, and how this process is. */
export function GET(request: Request): Promise<Response> {
  return answer(() =>
    inScrapeTime(
      (async () => {
        await requireCaller(request, "metrics:read");
        const { contentType, text } = await scrape(await getDesk());
        return new Response(text, { headers: { "content-type": contentType, "cache-control": "no-store" } });
      })(),
    ),
  );
}
