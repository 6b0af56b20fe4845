import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { childEnvironment } from "../child-environment.ts";

/** An action, a run, or what others left half done. */
export type Task = { what: "carry out"; bulk: number } | { what: "run"; run: number } | { what: "recover" };

export interface Order {
  task: Task;
  /** What the process needs to open the desk. */
  variables: Record<string, string>;
  /** What time it is for it. */
  now: string;
}
export interface Report {
  error: string | null;
}
/** What became of an order: what the process said, or that it is no more. */
export type Ended = Report | "killed";

/** Processes that have everything loaded already, so that none has to be waited for. */
export class Children {
  readonly #warm: Promise<Child>[] = [];
  readonly #all = new Set<Child>();

  constructor(count: number) {
    for (let i = 0; i < count; i++) this.#warm.push(this.#start());
  }

  /** Has it do something. A process that comes to an end alive takes the next order; others are made meanwhile. */
  async order(order: Order): Promise<{ ended: Promise<Ended>; kill(): void }> {
    const child = await (this.#warm.shift() ?? this.#start());
    let busy = true;
    const ended = child.order(order).then((end) => {
      busy = false;
      if (!child.alive) this.#all.delete(child);
      this.#warm.push(child.alive ? Promise.resolve(child) : this.#start());
      return end;
    });
    // One that has come to its end may have another order by now.
    return { ended, kill: () => busy && child.kill() };
  }

  async #start(): Promise<Child> {
    const child = new Child();
    this.#all.add(child);
    await child.ready;
    return child;
  }

  async close(): Promise<void> {
    await Promise.all(this.#warm);
    for (const child of this.#all) child.kill();
  }
}

class Child {
  readonly #process: ChildProcess;
  readonly #gone: Promise<Ended>;
  readonly ready: Promise<Ended>;
  #killed = false;
  alive = true;

  constructor() {
    this.#process = fork(join(import.meta.dirname, "child.ts"), {
      execArgv: [],
      env: {
        ...childEnvironment(),
        LOG_LEVEL: process.env.LOG_LEVEL ?? "fatal",
      },
    });
    this.#gone = once(this.#process, "exit").then(([code, signal]) => {
      this.alive = false;
      return this.#killed ? "killed" : { error: `the process ended by itself: ${code ?? signal}` };
    });
    this.ready = this.#said();
  }

  order(order: Order): Promise<Ended> {
    const said = this.#said();
    this.#process.send(order);
    return said;
  }

  #said(): Promise<Ended> {
    return Promise.race([once(this.#process, "message").then(([report]) => report as Report), this.#gone]);
  }

  kill(): void {
    this.#killed = true;
    this.#process.kill("SIGKILL");
  }
}
