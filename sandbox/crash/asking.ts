import type { Ends, Link } from "./wire.ts";

/** A connection to Stripe. Requests are small and come one after the other: each is one piece. */
export class Asking implements Link {
  readonly database = null;
  readonly port = undefined;
  readonly #ends: Ends;
  #holding: "before" | "after" | null = null;
  #kept: Buffer[] = [];

  constructor(ends: Ends) {
    this.#ends = ends;
  }

  fromClient(bytes: Buffer): void {
    this.#holding = this.#ends.watch("ask Stripe");
    if (this.#holding !== "before") this.#ends.server.write(bytes);
    else this.#keep(bytes);
  }

  fromServer(bytes: Buffer): void {
    if (this.#holding === null) this.#ends.client.write(bytes);
    else this.#keep(bytes);
  }

  #keep(bytes: Buffer): void {
    this.#kept.push(bytes);
    this.#ends.held();
  }

  release(): void {
    const { client, server } = this.#ends;
    for (const bytes of this.#kept) (this.#holding === "before" ? server : client).write(bytes);
    this.#kept = [];
    this.#holding = null;
  }
}
