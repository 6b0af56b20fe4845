// The loops of this process that have to go round, and when each of them last did. What stops going round, without an error
// that anybody would see, is found here.

interface Loop {
  name: string;
  /** A round that takes longer than this is taken for stuck. */
  longestMs: number;
  /** By the monotonic clock. */
  roundAt: number;
}

// On globalThis: a bundler makes several copies of this module in one process.
const key = Symbol.for("driftdesk.beats");
const process_ = globalThis as typeof globalThis & { [key]?: { loops: Set<Loop>; stopping: boolean } };
process_[key] ??= { loops: new Set(), stopping: false };
const state = process_[key];

export interface Beats {
  /** A round is over, whatever came of it. */
  round(): void;
  /** The loop has ended as it should. */
  end(): void;
}

/** Registers a loop that begins now. */
export function beats(name: string, longestMs: number): Beats {
  const loop: Loop = { name, longestMs, roundAt: performance.now() };
  state.loops.add(loop);
  return {
    round: () => {
      loop.roundAt = performance.now();
    },
    end: () => void state.loops.delete(loop),
  };
}

/** Each loop's name, and for how long its present round has been going on. */
export function loops(): { name: string; ageMs: number; stuck: boolean }[] {
  return [...state.loops].map(({ name, longestMs, roundAt }) => {
    const ageMs = performance.now() - roundAt;
    return { name, ageMs, stuck: ageMs > longestMs };
  });
}

/** From now on this process takes nothing new: load balancers are told. */
export function beginStopping(): void {
  state.stopping = true;
}

export const isStopping = (): boolean => state.stopping;
