/**
 * Objects of one kind by id. Objects on it are never changed, only replaced: what was made from one (its JSON, its
 * place in the order) stays true for as long as it is there.
 */
export class Shelf<T extends { id: string }> extends Map<string, T> {
  readonly #createdOf: (object: T) => number;
  #newestFirst: T[] | null = null;
  readonly #groups = new Map<string, Map<unknown, T[]>>();

  constructor(createdOf: (object: T) => number) {
    super();
    this.#createdOf = createdOf;
  }

  put(object: T): T {
    this.set(object.id, object);
    return object;
  }

  override set(id: string, object: T): this {
    this.#groups.clear();
    const order = this.#newestFirst;
    if (order) {
      const old = this.get(id);
      if (old) order.splice(this.placeIn(order, old), 1);
      order.splice(this.placeIn(order, object), 0, object);
    }
    return super.set(id, object);
  }

  override delete(id: string): boolean {
    this.#groups.clear();
    this.#newestFirst = null;
    return super.delete(id);
  }

  createdOf(object: T): number {
    return this.#createdOf(object);
  }

  /** As Stripe lists: newest first, ids decide between objects of the same second. */
  newestFirst(): readonly T[] {
    this.#newestFirst ??= [...this.values()].sort((a, b) => this.#compare(a, b));
    return this.#newestFirst;
  }

  /** Those with a value in one property, newest first: a filter that need not look at everything. */
  having(property: string, value: unknown): readonly T[] {
    let group = this.#groups.get(property);
    if (!group) {
      group = Map.groupBy(this.newestFirst(), (object) => (object as Record<string, unknown>)[property]);
      this.#groups.set(property, group);
    }
    return group.get(value) ?? [];
  }

  /** Where an object is in a newest-first list, or would be. */
  placeIn(order: readonly T[], object: T): number {
    let low = 0;
    let high = order.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(order[middle] as T, object) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #compare(a: T, b: T): number {
    return this.#createdOf(b) - this.#createdOf(a) || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
  }
}
