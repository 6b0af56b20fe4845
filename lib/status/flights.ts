/** Questions that are under way in this process, so that each is asked once. */
export class Flights {
  readonly #underWay = new Map<string, Promise<unknown>>();

  get count(): number {
    return this.#underWay.size;
  }

  has(name: string): boolean {
    return this.#underWay.has(name);
  }

  /** The answer of the one that is under way, or of a new one. `joined`: somebody else had asked. */
  join<T>(name: string, fly: () => Promise<T>): { answer: Promise<T>; joined: boolean } {
    const underWay = this.#underWay.get(name);
    if (underWay) return { answer: underWay as Promise<T>, joined: true };
    const answer = fly().finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, answer);
    // Whoever waited may have gone; it lands all the same.
    answer.catch(() => {});
    return { answer, joined: false };
  }
}
