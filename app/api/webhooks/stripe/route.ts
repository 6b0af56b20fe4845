import { answer } from "@/app/api/answer.ts";
import { getDesk } from "@/app/desk.ts";
import { receiveWebhook } from "@/lib/webhooks/receive.ts";

/** What Stripe sends. It comes past the proxy, which would keep a copy of every stranger's body. */
export const POST = (request: Request): Promise<Response> =>
  answer(async () => receiveWebhook(await getDesk(), request));
