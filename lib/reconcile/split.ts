/** A half-open range of `created` times, in Unix seconds. */
export interface Range {
  createdFrom: number;
  createdTo: number;
}

/** With fewer pages to come than this a window is left alone: each window ends with a page that is not full. */
const worthSplitting = 3;
const pagesApiece = 1.5;

/**
 * Cuts what is left of a window, which is paged newest first: `createdFrom` is where the window begins from now on,
 * `given` what others may have, newest first. Null when it is too little to be shared. How many objects are left is told
 * by the density of the page just read. A second is never cut in two.
 */
export function cut(
  window: Range,
  page: { newest: number; oldest: number },
  options: {
    /** How many pieces to give away at most. */
    pieces: number;
    /** When the account was made: nothing is older, though windows begin at 0 to be certain. */
    began: number;
    /** The page is denser than what is left: pieces that are the longer the farther they are find where that ends. */
    narrowing?: boolean;
  },
): { createdFrom: number; given: Range[] } | null {
  const { newest, oldest } = page;
  const bottom = Math.max(window.createdFrom, Math.min(options.began, oldest));
  const pageLength = Math.max(1, newest - oldest);
  const pagesLeft = (oldest - bottom) / pageLength;
  if (pagesLeft < worthSplitting) return null;
  const pieces = Math.min(options.pieces, Math.floor(pagesLeft / pagesApiece) - 1);
  const bounds: number[] = [];
  for (let i = 1, pages = 0; i <= pieces; i++) {
    const share = i / (pieces + 1);
    pages = options.narrowing ? Math.max(pages + pagesApiece, pagesLeft ** share) : pagesLeft * share;
    const at = Math.floor(oldest - pages * pageLength);
    if (at > Math.max(bottom, window.createdFrom) && at < (bounds.at(-1) ?? oldest)) bounds.push(at);
  }
  const [first] = bounds;
  if (first === undefined) return null;
  return {
    createdFrom: first,
    given: bounds.map((createdTo, i) => ({ createdFrom: bounds[i + 1] ?? window.createdFrom, createdTo })),
  };
}

/**
 * Keeps guesses in proportion: a piece that turns out to hold a single page was not worth its request. Where objects came
 * all at once, densities mislead without end.
 */
export class Credit {
  #left: number;
  #pages = 0;
  #worth = 0;

  constructor(atFirst: number) {
    this.#left = atFirst;
  }

  /** How many pieces may be cut off. */
  get pieces(): number {
    return Math.max(0, Math.floor(this.#left + this.#pages / pagesForAGuess));
  }

  /** Most pieces held less than was thought. */
  get misled(): boolean {
    return this.#worth < 0;
  }

  gave(pieces: number): void {
    this.#left -= pieces;
  }

  readPage(): void {
    this.#pages++;
  }

  /** A window was read to its end. */
  ended(pages: number): void {
    this.#worth += pages > 1 ? 1 : -1;
    if (pages > 1) this.#left++;
  }
}

const pagesForAGuess = 16;
