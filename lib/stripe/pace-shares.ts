/** Requests a second that somebody wants to send, for people who wait and for runs. */
export interface Demand {
  person: number;
  run: number;
}

/** What runs get of a budget, if they want it, however much people want. */
const runsAtLeast = 0.2;

/**
 * What each of several processes gets of a budget. Max-min fair: nobody gets more than they want while somebody else
 * lacks something, and of two who lack something none gets more than the other. People come before runs, but for the
 * runs' own part. What nobody wants is spread over all who want something: they may use it at once.
 */
export function fairShares(budget: number, demands: readonly Demand[]): number[] {
  const sum = (numbers: readonly number[]) => numbers.reduce((total, n) => total + n, 0);
  const ofRuns = Math.min(sum(demands.map((demand) => demand.run)), budget * runsAtLeast);
  const persons = waterFill(
    budget - ofRuns,
    demands.map((demand) => demand.person),
  );
  const runs = waterFill(
    budget - sum(persons),
    demands.map((demand) => demand.run),
  );
  const wanting = demands.filter((demand) => demand.person + demand.run > 0).length;
  const spare = Math.max(0, budget - sum(persons) - sum(runs)) / Math.max(1, wanting);
  return demands.map((demand, i) =>
    demand.person + demand.run > 0 ? (persons[i] ?? 0) + (runs[i] ?? 0) + spare : 0,
  );
}

function waterFill(budget: number, demands: readonly number[]): number[] {
  const shares = demands.map(() => 0);
  let left = budget;
  const smallestFirst = demands.map((demand, i) => ({ demand, i })).sort((a, b) => a.demand - b.demand);
  for (const [done, { demand, i }] of smallestFirst.entries()) {
    const share = Math.min(demand, left / (demands.length - done));
    shares[i] = share;
    left -= share;
  }
  return shares;
}
