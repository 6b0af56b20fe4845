// Where rounds are played: one Postgres, a Stripe account, processes that are ready, and databases made ready once
// for each scene. They are left to the server, of which nothing outlives the rounds: to drop one takes a second.
import type { Sql } from "postgres";
import { connect } from "../../lib/db/connect.ts";
import { migrate } from "../../lib/db/migrate.ts";
import { type Sandbox, startSandbox } from "../server/server.ts";
import { generateWorld } from "../world/world.ts";
import { Children } from "./children.ts";
import { isLarge } from "./plot.ts";
import { prepare, type Scene, type Script } from "./scene.ts";

export const now = new Date("2026-11-24T12:00:00Z");

export class Stage {
  readonly admin: Sql;
  readonly children: Children;
  readonly #postgres: string;
  readonly #small = stripe(60);
  readonly #large = stripe(2_000);
  readonly #scenes = new Map<string, Promise<Scene>>();
  #databases = 0;
  #migrated: Promise<string> | undefined;

  constructor(postgres: string, children = 3) {
    this.#postgres = postgres;
    this.admin = connect(postgres, { max: 4, applicationName: "crash" });
    this.children = new Children(children);
  }

  /** What a script comes to when nothing disturbs it; prepared once. */
  scene(script: Script): Promise<Scene> {
    const key = JSON.stringify(script);
    const known = this.#scenes.get(key);
    if (known) return known;
    const preparing = prepare(this, script);
    this.#scenes.set(key, preparing);
    return preparing;
  }

  /** It cannot be played again: somebody still holds something in its databases. */
  forget(script: Script): void {
    this.#scenes.delete(JSON.stringify(script));
  }

  sandbox(plot: number): Promise<Sandbox> {
    return isLarge(plot) ? this.#large() : this.#small();
  }

  url(database: string): string {
    return Object.assign(new URL(this.#postgres), { pathname: `/${database}` }).href;
  }

  /** A new database, as a copy of another one that nobody uses; "migrated": with Driftdesk's tables. */
  async create(copyOf: string | null): Promise<string> {
    const from = copyOf === "migrated" ? await this.#withTables() : (copyOf ?? "template1");
    const name = `${this.#prefix}_${++this.#databases}`;
    await this.admin.unsafe(`CREATE DATABASE ${name} TEMPLATE ${from}`);
    return name;
  }
  readonly #prefix = `crash_${process.pid}`;

  #withTables(): Promise<string> {
    this.#migrated ??= this.create(null).then(async (name) => {
      await migrate(this.url(name));
      return name;
    });
    return this.#migrated;
  }

  async close(): Promise<void> {
    await this.children.close();
    for (const scene of await Promise.allSettled(this.#scenes.values()))
      if (scene.status === "fulfilled") await scene.value.close();
    for (const opened of [this.#small, this.#large]) await opened.close();
    await this.admin.end();
  }
}

/** A Stripe account with so many customers, made when it is needed. */
function stripe(customers: number): (() => Promise<Sandbox>) & { close(): Promise<void> } {
  let started: Promise<Sandbox> | undefined;
  const open = () => {
    started ??= startSandbox({
      world: generateWorld({ seed: 5, customers, now, invoicesPerSubscription: 0 }),
      now: () => now,
    });
    return started;
  };
  return Object.assign(open, { close: async () => (await started)?.close() });
}
