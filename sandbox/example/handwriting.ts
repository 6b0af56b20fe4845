import type { Dice } from "./dice.ts";

/** Writes values in the many ways that mean the same: none of them is drift. */
export class Handwriting {
  readonly #dice: Dice;
  constructor(dice: Dice) {
    this.#dice = dice;
  }
  /** Some people type their address in capitals. */
  email(address: string | null): string | null {
    if (address === null || this.#dice.next() > 0.08) return address;
    return this.#dice.next() < 0.5 ? address.toUpperCase() : address[0]?.toUpperCase() + address.slice(1);
  }
  currency(code: string): string {
    return this.#dice.next() < 0.5 ? code.toUpperCase() : code;
  }
  /** One moment, written in the zone of whichever server handled it. */
  moment(seconds: number | null | undefined): string | null {
    if (seconds === null || seconds === undefined) return null;
    const zones = [0, 0, 0, 60, 330, -480];
    const minutes = zones[Math.floor(this.#dice.next() * zones.length)] ?? 0;
    const local = new Date(seconds * 1000 + minutes * 60_000).toISOString().slice(0, 19);
    const two = (n: number) => String(n).padStart(2, "0");
    return `${local}${minutes < 0 ? "-" : "+"}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
  }
  /** 49 and 49.00 are the same amount. */
  amount(major: string): string {
    return this.#dice.next() < 0.3 ? major.replace(/\.00$/, "") : major;
  }
  /** JSON with its keys in any order and any spacing. */
  json(value: Record<string, string>): string {
    const entries = Object.entries(value);
    if (this.#dice.next() < 0.5) entries.reverse();
    return JSON.stringify(Object.fromEntries(entries), null, this.#dice.next() < 0.5 ? 2 : 0);
  }
}
