import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  headers: IncomingHttpHeaders;
  body: string;
}

/** `null`: nothing is answered. "dropped": the connection ends. */
export type Answer = { status: number; body: string; headers?: Record<string, string> } | null | "dropped";

export interface Receiver {
  url: string;
  /** How the next ones are answered, in their order; after that as every one. */
  answers: Answer[];
  /** Ends the connections of those who were answered nothing. */
  drop(): void;
  close(): Promise<void>;
}

/** A server that takes what is posted to it. */
export async function startReceiver(
  path: string,
  every: Exclude<Answer, null | "dropped">,
  seen: (received: Received) => void,
): Promise<Receiver> {
  const answers: Answer[] = [];
  const hanging = new Set<ServerResponse>();
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    seen({ headers: request.headers, body: Buffer.concat(pieces).toString() });
    const answer = answers.length > 0 ? (answers.shift() as Answer) : every;
    if (answer === null) hanging.add(response);
    else if (answer === "dropped") request.socket.destroy();
    else response.writeHead(answer.status, answer.headers).end(answer.body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${path}`,
    answers,
    drop() {
      for (const response of hanging) response.destroy();
      hanging.clear();
    },
    async close() {
      for (const response of hanging) response.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
