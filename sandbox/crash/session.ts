import { changeOf, stepOf } from "./steps.ts";
import type { Ends, Hold, Link } from "./wire.ts";

/** A session with Postgres, as far as its protocol has to be understood to know statements and their ends. */
export class Session implements Link {
  database: string | null = null;
  readonly #ends: Ends;
  readonly #questions = new Messages(true);
  readonly #answers = new Messages(false);
  readonly #prepared = new Map<string, string>();
  /** What the present transaction changed so far. */
  #written: string[] = [];
  /** Other connections are of the start-up, the queues and the pace. */
  #noted = false;
  /** How often the server was asked to be ready again, the beginning included, and how often it was. */
  #asked = 1;
  #ready = 0;
  #holding: Hold["when"] | null;
  /** Held when so many were ready. */
  #holdAt = 0;
  #kept: Buffer[] = [];

  constructor(ends: Ends) {
    this.#ends = ends;
    this.#holding = null;
  }

  get port(): number | undefined {
    return this.#ends.server.localPort;
  }

  fromClient(bytes: Buffer): void {
    for (const message of this.#questions.take(bytes)) {
      if (this.#kept.length === 0) this.#understand(message);
      if (this.#holding === "before") this.#keep(message);
      else this.#ends.server.write(message.raw);
    }
  }

  #understand({ type, body }: Message): void {
    if (type === "start") this.#greet(body);
    else if (type === "P") this.#prepared.set(textAt(body, 0), textAt(body, textAt(body, 0).length + 1));
    else if (type === "B") {
      const portal = textAt(body, 0);
      this.#comeTo(this.#prepared.get(textAt(body, portal.length + 1)) ?? "");
    } else if (type === "Q") this.#comeTo(textAt(body, 0));
    if (type === "S" || type === "Q") this.#asked++;
  }

  #greet(body: Buffer): void {
    const words = body.subarray(4).toString("utf8").split("\0");
    const given = (name: string) => words[words.indexOf(name) + 1] ?? null;
    this.database = given("database");
    this.#noted = words.includes("application_name") && given("application_name") === "driftdesk";
  }

  #comeTo(sql: string): void {
    if (!this.#noted) return;
    if (/^\s*begin/i.test(sql)) this.#written = [];
    const step = stepOf(sql, this.#written);
    const change = changeOf(sql.replace(/\s+/g, " "));
    if (change) this.#written.push(change);
    const when = step === null ? null : this.#ends.watch(step);
    if (when === null) return;
    this.#holding = when;
    this.#holdAt = this.#asked;
  }

  #keep({ raw }: Message): void {
    this.#kept.push(raw);
    if (this.#holding === "before") this.#ends.held();
  }

  fromServer(bytes: Buffer): void {
    for (const message of this.#answers.take(bytes)) {
      const { type, raw } = message;
      const itsTurn = this.#holding === "after" && this.#ready === this.#holdAt;
      if (type === "Z") this.#ready++;
      // From how it ended on, nothing is heard of it.
      if (this.#kept.length > 0 && this.#holding === "after") this.#keep(message);
      else if (itsTurn && "CEI".includes(type)) this.#keep(message);
      else this.#ends.client.write(raw);
      if (itsTurn && type === "Z") this.#ends.held();
    }
  }

  release(): void {
    const { client, server } = this.#ends;
    for (const raw of this.#kept) (this.#holding === "before" ? server : client).write(raw);
    this.#kept = [];
    this.#holding = null;
  }
}

interface Message {
  type: string;
  body: Buffer;
  raw: Buffer;
}

/** Cuts what comes into messages. */
class Messages {
  #rest: Buffer = Buffer.alloc(0);
  #starting: boolean;

  constructor(client: boolean) {
    this.#starting = client;
  }

  *take(bytes: Buffer): Generator<Message> {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    for (;;) {
      // The first message of a client has no type.
      const typed = this.#starting ? 0 : 1;
      if (this.#rest.length < typed + 4) return;
      const length = typed + this.#rest.readUInt32BE(typed);
      if (this.#rest.length < length) return;
      const raw = this.#rest.subarray(0, length);
      this.#rest = this.#rest.subarray(length);
      const type = typed === 0 ? "start" : String.fromCharCode(raw[0] as number);
      this.#starting = false;
      yield { type, body: raw.subarray(typed + 4), raw };
    }
  }
}

function textAt(body: Buffer, at: number): string {
  return body.subarray(at, body.indexOf(0, at)).toString("utf8");
}
