// Where rounds are played: one Postgres, a Stripe account, processes that are ready, and databases made ready once
// for each scene. They are left to the server, of which nothing outlives the rounds: to drop one takes a second.
import type { Sql } from "postgres";
import { connect } from "../../lib/db/connect.ts";
import { appRole } from "../../lib/db/testing-server.ts";
import { type Sandbox, startSandbox } from "../server/server.ts";
import { generateWorld } from "../world/world.ts";
import { Children } from "./children.ts";
import { isLarge } from "./plot.ts";
import { prepare, type Scene, type Script } from "./scene.ts";

export const now = new Date("2026-11-24T12:00:00Z");

/** Whoever looks into a scene's databases, Driftdesk's and the user's, as their owner. */
export interface Looking {
  sql: Sql;
  user: Sql;
  close(): Promise<void>;
}

export class Stage {
  readonly admin: Sql;
  readonly children: Children;
  readonly #postgres: string;
  readonly #small = stripe(60);
  readonly #large = stripe(2_000);
  readonly #scenes = new Map<string, Promise<Scene>>();
  #databases = 0;

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

  sandbox(plot: number): Promise<Sandbox> {
    return isLarge(plot) ? this.#large() : this.#small();
  }

  url(database: string): string {
    return Object.assign(new URL(this.#postgres), { pathname: `/${database}` }).href;
  }

  /** The same for Driftdesk itself, as the role that `driftdesk grants` makes. */
  appUrl(database: string): string {
    const [username, password] = [appRole.name, appRole.password].map(encodeURIComponent);
    return Object.assign(new URL(this.url(database)), { username, password }).href;
  }

  /** Looks into databases. The server has not connections enough for all scenes at once. */
  look({ own, local }: { own: string; local: string }): Looking {
    const into = (database: string) => connect(this.url(database), { max: 2, applicationName: "crash" });
    const sql = into(own);
    const user = own === local ? sql : into(local);
    return {
      sql,
      user,
      close: async () => {
        await Promise.all([sql.end(), user.end()]);
      },
    };
  }

  /** A new database, with Driftdesk's tables or empty. */
  async create(template: string): Promise<string> {
    const name = `crash_${process.pid}_${++this.#databases}`;
    await this.admin.unsafe(`CREATE DATABASE ${name} TEMPLATE ${template}`);
    return name;
  }

  async close(): Promise<void> {
    await this.children.close();
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
