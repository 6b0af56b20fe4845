// Eighteen hours in the life of outage.config.ts's company: its endpoint answers 500, customers cancel, and its records go on
// saying active. Played on the sandbox's clock, up to now.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Sql } from "postgres";
import Stripe from "stripe";
import { type Sandbox, startSandbox } from "./server/server.ts";
import { changeEmail, createCustomer } from "./world/changes/customer.ts";
import { cancel } from "./world/changes/subscription.ts";
import { generateWorld, type World } from "./world/index.ts";

const hour = 3_600_000;
const secret = "whsec_of_the_companys_endpoint";
/** So many customers cancel during the outage. */
export const canceledInOutage = 50;

export class Outage {
  readonly sandbox: Sandbox;
  readonly company: Company;
  readonly #clock: Clock;
  /** Each of another customer. */
  readonly #gone = new Set<string>();

  private constructor(sandbox: Sandbox, company: Company, clock: Clock) {
    this.sandbox = sandbox;
    this.company = company;
    this.#clock = clock;
  }

  /** Twenty hours ago: everything works, and both sides say the same. */
  static async begin(): Promise<Outage> {
    const clock = new Clock(new Date(Date.now() - 20 * hour));
    const world = generateWorld({ seed: 18, customers: 140, now: clock.now(), invoicesPerSubscription: 0 });
    const sandbox = await startSandbox({ world, now: clock.now });
    const company = await Company.open(clock);
    sandbox.webhooks.add(company.url, { secret });
    return new Outage(sandbox, company, clock);
  }

  readonly now = () => this.#clock.now();

  get #world(): World {
    return this.sandbox.world;
  }

  /** The company's tables, as its handler has kept them so far. */
  async load(local: Sql): Promise<void> {
    await local`CREATE TABLE subscriptions (
      id serial PRIMARY KEY, stripe_id text UNIQUE, email text, status text, updated_at timestamptz)`;
    await local`CREATE TABLE stripe_events (
      event_id text PRIMARY KEY, type text, received_at timestamptz, processed_at timestamptz)`;
    const rows = [...this.#world.subscriptions.values()].map(({ id, customer, status, created }) => ({
      stripe_id: id,
      email: this.#emailOf(String(customer)),
      status,
      updated_at: new Date(created * 1000),
    }));
    await local`INSERT INTO subscriptions ${local(rows)}`;
    this.company.local = local;
  }

  /** An hour in which webhooks arrive and are handled. */
  async aGoodHour(): Promise<void> {
    await this.#cancelOne();
    await this.sandbox.webhooks.deliver();
    this.#clock.pass(hour);
  }

  /** Up to now. The endpoint answers 500 to everything. */
  async eighteenBadHours(): Promise<void> {
    this.#clock.at = new Date(Date.now() - 18 * hour);
    this.company.status = 500;
    for (let i = 0; i < canceledInOutage; i++) {
      await this.#cancelOne();
      await this.sandbox.webhooks.deliver();
      this.#clock.pass((17.5 * hour) / canceledInOutage);
    }
    this.#clock.at = null;
  }

  /** The endpoint works again. Stripe tries again in some hours: they pass here for its deliveries alone. */
  async mend(): Promise<void> {
    this.company.status = 200;
    this.#clock.at = new Date(Date.now() + 13 * hour);
    await this.sandbox.webhooks.deliver();
    this.#clock.at = null;
    createCustomer(this.#world, this.now(), {});
    await this.sandbox.webhooks.deliver();
  }

  async close(): Promise<void> {
    await this.sandbox.close();
    await this.company.close();
  }

  async #cancelOne(): Promise<void> {
    const active = this.#world.subscriptions
      .newestFirst()
      .find(({ status, customer }) => status === "active" && !this.#gone.has(String(customer)));
    if (!active) throw new Error("nobody is left to cancel");
    this.#gone.add(String(active.customer));
    cancel(this.#world, this.now(), { subscription: active.id });
    changeEmail(this.#world, this.now(), {
      customer: String(active.customer),
      email: `${active.id}@example.com`,
    });
  }

  #emailOf(id: string): string {
    const customer = this.#world.customers.get(id);
    return customer && "email" in customer && customer.email ? customer.email : `${id}@example.com`;
  }
}

/** The time that it is told, or now. */
class Clock {
  at: Date | null;

  constructor(at: Date) {
    this.at = at;
  }

  readonly now = (): Date => this.at ?? new Date();

  pass(ms: number): void {
    this.at = new Date(this.now().getTime() + ms);
  }
}

/** Its endpoint: it believes what is signed, logs it, and keeps its rows by it. */
class Company {
  status = 200;
  local: Sql | null = null;
  readonly url: string;
  readonly close: () => Promise<void>;

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url;
    this.close = close;
  }

  static async open(clock: Clock): Promise<Company> {
    const server = createServer(async (request, response) => {
      const pieces: Buffer[] = [];
      for await (const piece of request) pieces.push(piece as Buffer);
      const status = await company
        .#take(Buffer.concat(pieces).toString(), String(request.headers["stripe-signature"]), clock.now())
        .catch(() => 400);
      response.writeHead(status).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const company = new Company(
      `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks/stripe`,
      () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    );
    return company;
  }

  async #take(body: string, signature: string, now: Date): Promise<number> {
    if (this.status !== 200 || !this.local) return this.status;
    const event = Stripe.webhooks.constructEvent(body, signature, secret, 300, undefined, now.getTime());
    await this.local`
      INSERT INTO stripe_events VALUES (${event.id}, ${event.type}, ${now}, ${now}) ON CONFLICT DO NOTHING`;
    if (event.type.startsWith("customer.subscription.")) {
      const { id, status } = event.data.object as Stripe.Subscription;
      await this
        .local`UPDATE subscriptions SET status = ${status}, updated_at = ${now} WHERE stripe_id = ${id}`;
    }
    return 200;
  }
}
