// How processes hear from each other that something has changed: by Postgres, which all of them have. Without Redis it is
// the only way; with it, what a process remembers by itself is put right sooner.
import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import type { Sql } from "postgres";
import type { Clock } from "../stripe/pace.ts";
import { changedName, type Realm } from "./key.ts";
import type { Memory } from "./memory.ts";

const channel = "driftdesk_status";
/** A process says something to itself so often: a connection may be dead, or a pool in between may pass nothing on. */
const echoEveryMs = 5_000;
/** Without an echo for so long, others are not heard either. */
const deafAfterMs = 12_000;

interface Message {
  /** The process that says it. */
  from: string;
  /** What it is about; nothing: only an echo. */
  change?: { customer: string; realm: Realm };
}

interface ChangesOptions {
  sql: Sql;
  log: Logger;
  now: () => Date;
  clock: Clock;
  memory: Memory;
}

export class Changes {
  readonly #options: ChangesOptions;
  readonly #process = randomUUID();
  #listening = false;
  #subscribed = false;
  #closed = false;
  #heardAt = Number.NEGATIVE_INFINITY;

  constructor(options: ChangesOptions) {
    this.#options = options;
  }

  /** Whether what others say is heard: what is remembered can then be believed. */
  get heard(): boolean {
    return this.#options.clock.now() - this.#heardAt < deafAfterMs;
  }

  /** Tells every process, this one at once. */
  async say(realm: Realm, customerId: string): Promise<void> {
    this.#options.memory.change(changedName(realm, customerId), this.#options.now().getTime());
    await this.#send({ from: this.#process, change: { customer: customerId, realm } });
  }

  /** Begins to listen, when it is first asked to. */
  listen(): void {
    if (this.#listening) return;
    this.#listening = true;
    void this.#keepListening();
  }

  close(): void {
    this.#closed = true;
  }

  async #keepListening(): Promise<void> {
    const { sql, clock, log } = this.#options;
    let told = false;
    while (!this.#closed) {
      try {
        if (!this.#subscribed) {
          await sql.listen(
            channel,
            (text) => this.#hear(text),
            () => this.#begin(),
          );
          this.#subscribed = true;
        }
        await this.#send({ from: this.#process });
        told = false;
      } catch (error) {
        if (!this.#closed && !told) log.warn({ err: error }, "lookups do not hear what changes meanwhile");
        told = true;
      }
      await clock.sleep(echoEveryMs, true);
    }
  }

  /** Also when a connection was lost and made again: nobody knows what was said meanwhile. */
  #begin(): void {
    this.#options.memory.doubtAll();
  }

  #hear(text: string): void {
    const { memory, clock, now } = this.#options;
    const { from, change } = JSON.parse(text) as Message;
    if (from === this.#process) this.#heardAt = clock.now();
    else if (change) memory.change(changedName(change.realm, change.customer), now().getTime());
  }

  async #send(message: Message): Promise<void> {
    await this.#options.sql`SELECT pg_notify(${channel}, ${JSON.stringify(message)})`;
  }
}
