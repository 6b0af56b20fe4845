/** Those who ask one endpoint with one priority, and what they would ask if nobody held them back. */
export class Line {
  readonly #waiting: { ticket: number; since: number; go: () => void }[] = [];
  /** When the last ones were sent; those before `#first` are forgotten. */
  #sent: number[] = [];
  #first = 0;
  #inFlight = 0;
  /** How many there are of each on average, of late. */
  #average = { waiting: 0, inFlight: 0 };
  #averagedAt: number | null = null;

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Of whoever has waited longest; tickets compare across lines. */
  get ticket(): number {
    return this.#waiting[0]?.ticket ?? Number.POSITIVE_INFINITY;
  }

  /** Since when whoever has waited longest does so. */
  get since(): number {
    return this.#waiting[0]?.since ?? Number.POSITIVE_INFINITY;
  }

  join(ticket: number, now: number, go: () => void): void {
    this.#settle(now);
    this.#waiting.push({ ticket, since: now, go });
  }

  send(now: number): void {
    this.#settle(now);
    this.#sent.push(now);
    this.#inFlight++;
    this.#waiting.shift()?.go();
  }

  over(now: number): void {
    this.#settle(now);
    this.#inFlight--;
  }

  /**
   * Requests a second that are wanted. Callers who wait for one answer before they ask again send less while they have
   * to wait: without it they would send more by as much as they wait longer than they are answered.
   */
  demand(now: number): number {
    this.#settle(now);
    const { waiting, inFlight } = this.#average;
    const heldBack = inFlight > 0 ? Math.min(waiting / inFlight, 100) : 0;
    return Math.max((this.#sent.length - this.#first) * (1 + heldBack), this.#waiting.length);
  }

  #settle(now: number): void {
    while (this.#first < this.#sent.length && (this.#sent[this.#first] as number) <= now - 1_000)
      this.#first++;
    if (this.#first > 1_000) {
      this.#sent = this.#sent.slice(this.#first);
      this.#first = 0;
    }
    const weight = 1 - Math.exp(((this.#averagedAt ?? now) - now) / 1_000);
    this.#average.waiting += weight * (this.#waiting.length - this.#average.waiting);
    this.#average.inFlight += weight * (this.#inFlight - this.#average.inFlight);
    this.#averagedAt = now;
  }
}
