import type { EndpointHealth } from "@/lib/diagnose/pipeline-health.ts";

/** What people call an endpoint: the server that it is on. */
export function endpointName({ url }: Pick<EndpointHealth, "url">): string {
  if (url === null) return "your endpoints";
  return url.split(" or ").map(host).join(" or ");
}

function host(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return url;
  }
}
