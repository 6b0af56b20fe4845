// Which ids stood in which line already, in sixteen bytes each: an export has a million lines, and the ids themselves would fill
// the memory that its reader is to leave flat.
const slotWords = 4;
/** In place of what a line said, which is never an even number. */
const withdrawn = 0;

export interface Before {
  line: number;
  /** `contradicted`: already by a line before this one. */
  says: "the same" | "something else" | "contradicted";
}

export class Seen {
  #slots = new Uint32Array(1_024 * slotWords);
  #size = 0;

  /** Where this id stood first, and how that line goes with this one; null the first time. Lines are numbered from 1. */
  before(id: string, line: number, content: string): Before | null {
    if ((this.#size + 1) * slotWords * 2 > this.#slots.length) this.#grow();
    const slots = this.#slots;
    const [high, low] = [hash(id, 0x811c9dc5), hash(id, 0x2f0b4c47)];
    const said = hash(content, 0x5bd1e995) | 1;
    const at = this.#place(slots, high, low);
    if (slots[at + 2] === 0) {
      slots.set([high, low, line, said], at);
      this.#size++;
      return null;
    }
    const before = slots[at + 3] as number;
    if (before !== said >>> 0) slots[at + 3] = withdrawn;
    return {
      line: slots[at + 2] as number,
      says: before === withdrawn ? "contradicted" : before === said >>> 0 ? "the same" : "something else",
    };
  }

  /** Its own slot, or the empty one that will be. */
  #place(slots: Uint32Array, high: number, low: number): number {
    const mask = slots.length / slotWords - 1;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const at = slot * slotWords;
      if (slots[at + 2] === 0 || (slots[at] === high && slots[at + 1] === low)) return at;
    }
  }

  #grow(): void {
    const old = this.#slots;
    const grown = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += slotWords)
      if (old[at + 2] !== 0)
        grown.set(
          old.subarray(at, at + slotWords),
          this.#place(grown, old[at] as number, old[at + 1] as number),
        );
    this.#slots = grown;
  }
}

/** FNV-1a with a last mixing: two of them together meet by chance once in 2^64. */
function hash(text: string, seed: number): number {
  let h = seed;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
