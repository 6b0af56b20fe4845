/**
 * Objects of one kind by id. Objects on it are never changed, only replaced: what was made from one (its JSON) stays
 * true for as long as it is there.
 */
export class Shelf<T extends { id: string }> extends Map<string, T> {
  readonly #createdOf: (object: T) => number;
  #newestFirst: T[] | null = null;

  constructor(createdOf: (object: T) => number) {
    super();
    this.#createdOf = createdOf;
  }

  put(object: T): T {
    this.set(object.id, object);
    return object;
  }

  override set(id: string, object: T): this {
    this.#newestFirst = null;
    return super.set(id, object);
  }

  override delete(id: string): boolean {
    this.#newestFirst = null;
    return super.delete(id);
  }

  createdOf(object: T): number {
    return this.#createdOf(object);
  }

  /** As Stripe lists: newest first, ids decide between objects of the same second. */
  newestFirst(): readonly T[] {
    this.#newestFirst ??= [...this.values()].sort(
      (a, b) => this.#createdOf(b) - this.#createdOf(a) || (a.id < b.id ? 1 : -1),
    );
    return this.#newestFirst;
  }
}
