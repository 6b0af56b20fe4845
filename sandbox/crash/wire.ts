// What stands between a process and its databases and Stripe: it sees every statement and every request, and holds one of
// them up, before it gets there or before its answer gets back, until the process or its connection is killed.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { Asking } from "./asking.ts";
import { Session } from "./session.ts";

export interface Step {
  name: string;
  /** How many-th of that name it is, from 1. */
  nth: number;
}

/** Where to hold: before the step gets to the other side, or when it is done there and nobody has heard of it yet. */
export interface Hold extends Step {
  when: "before" | "after";
}

/** Asked about every step: whether it may go on, or where it is held. */
export type Watch = (name: string) => Hold["when"] | null;

/** One connection that goes through here. */
export interface Link {
  /** Of a connection to a database: which one, and the port of our end, by which the server knows it. */
  database: string | null;
  port: number | undefined;
  fromClient(bytes: Buffer): void;
  fromServer(bytes: Buffer): void;
  /** Lets go of what is held. */
  release(): void;
}

export interface Ends {
  client: Socket;
  server: Socket;
  watch: Watch;
  held: () => void;
}

export interface Wire {
  /** The same address by way of here. */
  through(url: string): string;
  /** Every step so far. */
  readonly steps: readonly Step[];
  /** Resolves when the step comes that is to be held. */
  readonly held: Promise<Link>;
  links(): Link[];
  close(): Promise<void>;
}

/** Lays a wire to these addresses. Without a hold it only notes the steps. */
export async function openWire(urls: readonly string[], hold: Hold | null): Promise<Wire> {
  const steps: Step[] = [];
  const counts = new Map<string, number>();
  const links = new Map<Link, Ends>();
  const { promise: held, resolve } = Promise.withResolvers<Link>();
  const watch: Watch = (name) => {
    const nth = (counts.get(name) ?? 0) + 1;
    counts.set(name, nth);
    steps.push({ name, nth });
    return hold?.name === name && hold.nth === nth ? hold.when : null;
  };
  const servers = new Map<string, Server>();
  for (const { host, hostname, port, protocol } of urls.map((url) => new URL(url))) {
    if (servers.has(host)) continue;
    const server = createServer({ noDelay: true }, (client) => {
      const upstream = connect({ host: hostname, port: Number(port), noDelay: true });
      const ends: Ends = { client, server: upstream, watch, held: () => resolve(link) };
      const link = protocol === "http:" ? new Asking(ends) : new Session(ends);
      links.set(link, ends);
      join(link, ends, () => links.delete(link));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    servers.set(host, server);
  }
  return {
    steps,
    held,
    through(url) {
      const server = servers.get(new URL(url).host);
      if (!server) throw new Error(`no wire was laid to ${url}`);
      return Object.assign(new URL(url), { port: String((server.address() as AddressInfo).port) }).href;
    },
    links: () => [...links.keys()],
    async close() {
      for (const { client, server } of links.values()) for (const end of [client, server]) end.destroy();
      await Promise.all([...servers.values()].map((server) => new Promise((done) => server.close(done))));
    },
  };
}

/** When one end is gone, the other one goes too. */
function join(link: Link, { client, server }: Ends, gone: () => void): void {
  client.on("data", (bytes) => link.fromClient(bytes));
  server.on("data", (bytes) => link.fromServer(bytes));
  for (const [end, other] of [
    [client, server],
    [server, client],
  ] as const) {
    end.on("error", () => {});
    end.on("close", () => {
      gone();
      other.destroySoon();
    });
  }
}
