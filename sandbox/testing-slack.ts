import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface TestSlack {
  url: string;
  /** Every message that came, refused ones too, as they were sent. */
  messages: { text: string; blocks: { type: string }[] }[];
  /** How the next ones are answered, in their order; after that "ok". `null`: not at all. */
  answers: ({ status: number; body: string; retryAfter?: number } | null)[];
  close(): Promise<void>;
}

/** A server that answers as Slack's incoming webhooks do. */
export async function startSlack(): Promise<TestSlack> {
  const messages: TestSlack["messages"] = [];
  const answers: TestSlack["answers"] = [];
  const hanging = new Set<ServerResponse>();
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    messages.push(JSON.parse(Buffer.concat(pieces).toString()));
    const answer = answers.length > 0 ? answers.shift() : { status: 200, body: "ok" };
    if (!answer) {
      hanging.add(response);
      return;
    }
    const { status, body, retryAfter } = answer;
    response.writeHead(status, retryAfter === undefined ? {} : { "retry-after": String(retryAfter) });
    response.end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/services/T0/B0/very-secret`,
    messages,
    answers,
    async close() {
      for (const response of hanging) response.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
