import { createHash } from "node:crypto";
import { Random } from "../world/random.ts";

/** Randomness of one purpose: what a new purpose draws shifts no other's. */
export class Dice extends Random {
  constructor(seed: number | string, purpose: string) {
    super(createHash("sha256").update(`${seed} ${purpose}`).digest().readInt32LE(0));
  }

  shuffle<T>(list: readonly T[]): T[] {
    const shuffled = [...list];
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = this.int(0, i);
      [shuffled[i], shuffled[j]] = [shuffled[j] as T, shuffled[i] as T];
    }
    return shuffled;
  }

  uuid(): string {
    const digit = () => "0123456789abcdef"[this.int(0, 15)];
    return "xxxxxxxx-xxxx-4xxx-axxx-xxxxxxxxxxxx".replace(/x/g, () => digit() as string);
  }
}
