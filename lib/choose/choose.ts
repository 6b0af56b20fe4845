// Which of the three strategies fits, by a company's own figures. Rough on purpose: it tells a minute from a day.

/** What somebody knows about their own company. */
export interface Figures {
  /** Records that mirror something in Stripe. */
  rows: number;
  /** Differences that come about in a week. */
  driftPerWeek: number;
  lookupsPerSecond: number;
  /** For how long a wrong answer is bearable, in seconds. */
  staleness: number;
}

/** What the config allows of one kind of object at Stripe: `pace.perEndpoint`. */
export interface Limits {
  requestsPerSecond: number;
  /** The longest that this desk's own schedule leaves between two runs, in seconds; null where it has none, left out where nobody asks. */
  scheduledEvery?: number | null;
}

export type Strategy = "quick-fix" | "reconciliation" | "live-lookup";

/** Where a number comes from. */
export type Source = "yours" | "computed" | "assumed" | "limit";

export interface Cost {
  what: string;
  value: string;
  from: Source;
}

export interface Verdict {
  strategy: Strategy;
  fits: "yes" | "with care" | "no";
  why: string;
  costs: Cost[];
  risk: string;
}

export interface Choice {
  /** The first is the one to rest on; the others stand beside it. */
  take: Strategy[];
  because: string;
  verdicts: Record<Strategy, Verdict>;
}

/** What Stripe gives at once. */
const perPage = 100;
/** How often an incremental run can well be scheduled, in seconds. */
const everySeconds = 300;
/** Lookups leave the other half to runs. */
const shareOfLookups = 0.5;
/** To export, bring, compare and look, in minutes; and for each hundred differences beyond that. */
const minutesPerFile = 20;
const minutesPerHundred = 5;
const day = 86_400;

/** Errors: none; figures are taken as at least 0. */
export function choose(given: Figures, { requestsPerSecond, scheduledEvery }: Limits): Choice {
  const figures: Figures = {
    rows: Math.max(0, given.rows),
    driftPerWeek: Math.max(0, given.driftPerWeek),
    lookupsPerSecond: Math.max(0, given.lookupsPerSecond),
    staleness: Math.max(0, given.staleness),
  };
  const verdicts = {
    "quick-fix": quickFix(figures),
    reconciliation: reconciliation(figures, requestsPerSecond, scheduledEvery),
    "live-lookup": liveLookup(figures, requestsPerSecond),
  };
  return { ...recommendation(figures, verdicts, requestsPerSecond), verdicts };
}

/** Requests a second that lookups make at Stripe: each key once in the time that is bearable, or each lookup. */
export function requestsOfLookups({ rows, lookupsPerSecond, staleness }: Figures): number {
  return staleness < 1 ? lookupsPerSecond : Math.min(lookupsPerSecond, rows / staleness);
}

/** How long reading everything takes, in seconds. */
export function secondsOfFullRun({ rows }: Figures, requestsPerSecond: number): number {
  return Math.ceil(rows / perPage) / requestsPerSecond;
}

function quickFix({ driftPerWeek, staleness }: Figures): Verdict {
  const minutes = driftPerWeek === 0 ? 0 : minutesPerFile + (driftPerWeek / 100) * minutesPerHundred;
  const fits = staleness < day ? "no" : driftPerWeek <= 20 ? "yes" : "with care";
  return {
    strategy: "quick-fix",
    fits,
    why:
      fits === "no"
        ? "Nobody exports a file before somebody has complained: that takes hours."
        : fits === "yes"
          ? "So little goes wrong that a person can look at it once a week."
          : "It can be done by hand, and will be done late.",
    costs: [
      { what: "of somebody's week", value: durationWords(minutes * 60), from: "assumed" },
      { what: "until a wrong record is noticed", value: "hours to days", from: "assumed" },
    ],
    risk: "A file is old when it arrives. Whoever it locks out waits until somebody brings the next one.",
  };
}

function reconciliation(
  figures: Figures,
  requestsPerSecond: number,
  scheduledEvery: Limits["scheduledEvery"],
): Verdict {
  const full = secondsOfFullRun(figures, requestsPerSecond);
  const tooSeldom =
    scheduledEvery !== undefined && (scheduledEvery === null || scheduledEvery > figures.staleness);
  const fits = figures.staleness < everySeconds ? "no" : full > day / 2 || tooSeldom ? "with care" : "yes";
  return {
    strategy: "reconciliation",
    fits,
    why:
      fits === "no"
        ? `A record is wrong for up to ${durationWords(everySeconds)} before a run sees it.`
        : fits === "yes"
          ? "It finds and corrects drift before it matters, and says why it came about."
          : tooSeldom
            ? `It would, with a run every ${durationWords(everySeconds)}. ${scheduledEvery === null ? "This desk has no schedule" : `This desk’s schedule leaves up to ${durationWords(scheduledEvery)} between two`}: change that under Settings.`
            : "Reading everything takes more than half a day: leave it to weekends, and let records of final state rest.",
    costs: [
      {
        what: "requests for a full run",
        value: Math.ceil(figures.rows / perPage).toLocaleString("en-US"),
        from: "computed",
      },
      { what: "for a full run at most", value: durationWords(full), from: "limit" },
      { what: "until a run sees a change, at most", value: durationWords(everySeconds), from: "assumed" },
      ...(scheduledEvery
        ? [
            {
              what: "with this desk’s schedule",
              value: durationWords(scheduledEvery),
              from: "yours" as const,
            },
          ]
        : []),
    ],
    risk: "Between two runs a record can be wrong, and a correction that nobody reviews can be wrong, too: that is what policies, limits and second persons are for.",
  };
}

function liveLookup(figures: Figures, requestsPerSecond: number): Verdict {
  const asked = requestsOfLookups(figures);
  const budget = requestsPerSecond * shareOfLookups;
  const fits =
    figures.lookupsPerSecond === 0 || asked > requestsPerSecond ? "no" : asked > budget ? "with care" : "yes";
  return {
    strategy: "live-lookup",
    fits,
    why:
      figures.lookupsPerSecond === 0
        ? "Nothing asks. A program has to, at each decision."
        : fits === "no"
          ? `It would ask Stripe ${rateWords(asked)} a second. ${rateWords(requestsPerSecond)} are allowed.`
          : fits === "yes"
            ? "Stripe's own word, as old as you can bear, within what Stripe allows."
            : "It fits only while no run needs the same requests.",
    costs: [
      { what: "requests a second at Stripe, at most", value: rateWords(asked), from: "computed" },
      { what: "requests a second that are allowed", value: rateWords(requestsPerSecond), from: "limit" },
      {
        what: "of lookups answered without Stripe",
        value:
          figures.lookupsPerSecond === 0
            ? "–"
            : `${Math.floor((1 - asked / figures.lookupsPerSecond) * 100)}%`,
        from: "computed",
      },
    ],
    risk: "Your program waits for Stripe, or for what was known last. When both are gone, everybody gets in or nobody does, as you have chosen.",
  };
}

function recommendation(
  figures: Figures,
  verdicts: Record<Strategy, Verdict>,
  requestsPerSecond: number,
): Pick<Choice, "take" | "because"> {
  const { reconciliation: runs, "live-lookup": live, "quick-fix": file } = verdicts;
  if (runs.fits === "no" && live.fits !== "no")
    return {
      take: ["live-lookup", "reconciliation"],
      because:
        "Only Stripe's own word is fresh enough. Runs beneath it keep your records right for everything that does not ask, and for the day that Stripe is gone.",
    };
  if (runs.fits === "no")
    return {
      take: ["reconciliation", "quick-fix"],
      because: `Nothing keeps a record that fresh with these figures. Runs come nearest, with ${durationWords(everySeconds)}; ${
        figures.lookupsPerSecond === 0
          ? "a live lookup could do it, if programs asked"
          : `a live lookup would ask Stripe ${rateWords(requestsOfLookups(figures))} times a second, of ${rateWords(requestsPerSecond)} that are allowed`
      }.`,
    };
  if (file.fits === "yes" && figures.driftPerWeek === 0)
    return {
      take: ["reconciliation"],
      because: "Nothing drifts, as far as you know. A run a night is how you would know.",
    };
  if (file.fits === "yes")
    return {
      take: ["reconciliation", "quick-fix"],
      because:
        "A person with a file could do it. A run a night costs less than that person's time, and the file stays for the night when Stripe cannot be reached.",
    };
  return {
    take: ["reconciliation", "quick-fix"],
    because:
      "Runs find drift sooner than a complaint does, and leave a reason for each. The file stays for the night when Stripe or its key cannot be reached.",
  };
}

const rateWords = (perSecond: number) =>
  perSecond > 0 && perSecond < 9.5
    ? Number(perSecond.toPrecision(2)).toString()
    : Math.round(perSecond).toLocaleString("en-US");

/** No more exact than it is true: "40 s", "7 min", "3 h", "2 days". */
export function durationWords(seconds: number): string {
  if (seconds === 0) return "no time";
  if (seconds < 1) return "less than a second";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3_600) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / day)} days`;
}
