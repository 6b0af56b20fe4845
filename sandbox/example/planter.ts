import type { Impact, Kind } from "../../lib/db/schema.ts";
import type { WireEvent } from "../world/event.ts";
import { Dice } from "./dice.ts";
import type { Planted } from "./planted.ts";
import type { Change, Webhooks } from "./webhooks.ts";

/** One table's rows beside the Stripe objects that they mirror. */
export interface Ledger<T, R> {
  resource: string;
  /** What is loaded in the end: planting changes it, adds to it and takes away from it. */
  rows: R[];
  objectOf: (row: R) => T | undefined;
  keyOf: (row: R) => string;
  stories: readonly Story<T, R>[];
}

/** One way in which a local row comes to disagree with Stripe. */
export interface Story<T, R> {
  kind: Kind;
  /** How often it is told, beside the others of its table. */
  weight: number;
  /** A webhook that went wrong, a change made by hand here, or something that left no trace. */
  origin: "webhook" | "edit" | "none";
  why: string;
  happensTo: (object: T, row: R) => boolean;
  /** Does the damage, and answers what a run has to find. */
  tell: (object: T, row: R) => Damage | Damage[];
}

export interface Damage extends Change {
  fields: string[];
  impact: Impact;
  /** Another row than the one that the story is told about, or of another table. */
  row?: { key: string | null; updated_at?: Date };
  stripeId?: string;
  resource?: string;
  /** A row of another table that the handler writes together with this one. */
  together?: WatchedRow;
}

export interface WatchedObject {
  id: string;
  created: number;
}
interface WatchedRow {
  updated_at: Date;
}

const dayMs = 86_400_000;

export class Planter {
  readonly planted: Planted[] = [];
  readonly #touched = new Set<object>();
  /** Objects whose webhooks all arrived, and whose rows are wrong all the same. */
  readonly #heardOf = new Set<string>();
  readonly #dice: Dice;
  readonly #webhooks: Webhooks;
  readonly #touches: Dice;
  readonly #nowMs: number;

  constructor(seed: number, webhooks: Webhooks, now: Date) {
    this.#dice = new Dice(seed, "planter");
    this.#touches = new Dice(seed, "touches");
    this.#webhooks = webhooks;
    this.#nowMs = now.getTime();
  }

  /** Rows that something was planted on already; one that is added here is left alone. */
  get touched(): Set<object> {
    return this.#touched;
  }

  /** Tells every story of a table once, where it can happen, and then some of them again until `share` of the rows have one. */
  plant<T extends WatchedObject, R extends WatchedRow>(ledger: Ledger<T, R>, share: number): void {
    if (share <= 0) return;
    const faithful = [...ledger.rows];
    const queue = this.#order(ledger, faithful);
    const wanted = Math.max(ledger.stories.length, Math.round(faithful.length * share));
    // A run believes that so many are missing only after a person has looked: this is another test's matter.
    let missingLeft = Math.min(90, Math.max(3, Math.floor(faithful.length * 0.04)));
    let told = 0;
    const tell = (story: Story<T, R>, row: R) => {
      if (story.kind.startsWith("missing")) missingLeft--;
      this.#tell(ledger, story, ledger.objectOf(row) as T, row);
      told++;
    };
    const possible = (story: Story<T, R>, row: R) => {
      const object = ledger.objectOf(row);
      if (object === undefined || this.#touched.has(row) || this.#toldOtherwise(story, object)) return false;
      return (!story.kind.startsWith("missing") || missingLeft > 0) && story.happensTo(object, row);
    };
    for (const story of ledger.stories) {
      const row = queue.find((candidate) => possible(story, candidate));
      if (row) tell(story, row);
    }
    for (const row of queue) {
      if (told >= wanted) break;
      const fitting = ledger.stories.filter((story) => possible(story, row));
      if (fitting.length === 0) continue;
      const weights = Object.fromEntries(fitting.map((story, i) => [String(i), story.weight]));
      tell(fitting[Number(this.#dice.weighted(weights))] as Story<T, R>, row);
    }
  }

  /** Two tables show the same subscription: its webhook cannot have arrived in one and been lost in the other. */
  #toldOtherwise(story: { origin: "webhook" | "edit" | "none" }, { id }: WatchedObject): boolean {
    return story.origin === "webhook" ? this.#heardOf.has(id) : this.#webhooks.wentWrong(id);
  }

  /** By chance, but what Stripe told about lately comes first more often: most drift is young. */
  #order<T extends WatchedObject, R extends WatchedRow>(ledger: Ledger<T, R>, rows: readonly R[]): R[] {
    const places = rows.map((row) => {
      const event = this.#webhooks.latest(ledger.objectOf(row)?.id ?? "");
      const lead = event === undefined ? 0 : this.#webhooks.duringOutage(event) ? 1 : 0.6;
      return { row, at: this.#dice.next() - lead };
    });
    return places.sort((a, b) => a.at - b.at).map((place) => place.row);
  }

  #tell<T extends WatchedObject, R extends WatchedRow>(
    ledger: Ledger<T, R>,
    story: Story<T, R>,
    object: T,
    row: R,
  ) {
    this.#touched.add(row);
    if (story.origin !== "webhook") this.#heardOf.add(object.id);
    const event = this.#leaveTraces(story, object, row);
    const damages = [story.tell(object, row)].flat();
    const { cause, writtenAt } =
      story.origin === "edit"
        ? { cause: "local_edit" as const }
        : this.#webhooks.miss(event, damages[0] ?? {});
    if (writtenAt) for (const one of [row, damages[0]?.together]) if (one) one.updated_at = writtenAt;
    for (const damage of damages) {
      if (damage.row?.updated_at) damage.row.updated_at = row.updated_at;
      this.planted.push({
        resource: damage.resource ?? ledger.resource,
        kind: story.kind,
        stripeId: damage.stripeId ?? object.id,
        localKey: damage.row ? damage.row.key : ledger.keyOf(row),
        fields: [...damage.fields].sort(),
        impact: damage.impact,
        cause,
        rowError: false,
        why: story.why,
      });
    }
  }

  /** Makes the row's time tell the same story as its values, and answers the event that it is about. */
  #leaveTraces<T extends WatchedObject, R extends WatchedRow>(
    story: Story<T, R>,
    object: T,
    row: R,
  ): WireEvent | undefined {
    const latest = this.#webhooks.latest(object.id);
    if (story.origin === "edit") {
      const dealtWith = this.#webhooks.doneWith(object.id);
      const latestMs = this.#nowMs - 5 * 60_000;
      const editedMs = Math.max(dealtWith, latestMs - this.#dice.int(0, 6 * 24 * 60) * 60_000);
      row.updated_at = new Date(
        Math.max(Math.min(editedMs, this.#nowMs - 1_000), (latest?.created ?? 0) * 1000 + 1),
      );
      return undefined;
    }
    const event =
      story.origin === "none"
        ? undefined
        : this.#webhooks.latest(object.id, story.kind === "missing_local" ? ".created" : "");
    const beforeMs = event
      ? event.created * 1000 - this.#dice.int(1, 20) * dayMs
      : Math.min(row.updated_at.getTime(), this.#nowMs - this.#dice.int(31, 200) * dayMs);
    row.updated_at = new Date(Math.max(beforeMs, object.created * 1000));
    // Somebody has signed in, or saved something else: that a row was written lately does not say what was written.
    if (!event && !latest && this.#touches.chance(0.3))
      row.updated_at = new Date(this.#nowMs - this.#touches.int(1, 6 * 24 * 60) * 60_000);
    return event;
  }
}
