// The desk's receiver on a port of its own, as the web process has it, for what the sandbox delivers over HTTP.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import type { Desks } from "../lib/desk.ts";
import { receiveWebhook } from "../lib/webhooks/receive.ts";

export interface Receiver {
  url: string;
  close(): Promise<void>;
}

/** `desks` is asked for at each request: a test changes it as it goes. */
export async function openReceiver(desks: () => Desks): Promise<Receiver> {
  const server = createServer(async (incoming, response) => {
    const headers = Object.entries(incoming.headers).map(([name, value]): [string, string] => [
      name,
      String(value),
    ]);
    const body = Readable.toWeb(incoming) as ReadableStream<Uint8Array>;
    const request = new Request("http://desk/api/webhooks/stripe", {
      method: "POST",
      headers,
      body,
      duplex: "half",
    } as RequestInit);
    const answer = await receiveWebhook(desks(), request);
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/webhooks/stripe`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
