import type { Shelf } from "../world/shelf.ts";
import type { World } from "../world/world.ts";
import { type Endpoint, own, type Wire } from "./endpoints.ts";
import { expandable, expanded, plain } from "./expansion.ts";
import { invalid, noSuch, unknownParameters } from "./refusal.ts";

interface Query {
  limit: number;
  startingAfter: string | null;
  endingBefore: string | null;
  created: Range;
  expand: string[][];
  tests: ((object: Wire) => boolean)[];
  /** The narrowest ready-made list that holds everything asked for. */
  among: readonly Wire[];
}

/** Both included. */
interface Range {
  from: number;
  to: number;
}

/** The body of a list. */
export function listPage(
  world: World,
  path: string,
  endpoint: Endpoint,
  params: URLSearchParams,
  now: number,
): string {
  const query = parse(world, endpoint, params, now);
  const { among } = query;
  const shelf = endpoint.shelf(world);
  // Newest first: what is too new comes before `begin`, what is too old from `end` on.
  const begin = firstIndex(among, (object) => shelf.createdOf(object) <= query.created.to);
  const end = firstIndex(among, (object) => shelf.createdOf(object) < query.created.from);
  const passes = (object: Wire) => query.tests.every((test) => test(object));
  const found: Wire[] = [];
  let hasMore = false;
  const take = (object: Wire) => {
    if (!passes(object)) return;
    if (found.length === query.limit) hasMore = true;
    else found.push(object);
  };
  if (query.endingBefore === null) {
    let at = begin;
    if (query.startingAfter !== null) {
      const cursor = cursorOf(endpoint, shelf, query.startingAfter, "starting_after", now);
      const place = shelf.placeIn(among, cursor);
      at = Math.max(begin, among[place] === cursor ? place + 1 : place);
    }
    for (; at < end && !hasMore; at++) take(among[at] as Wire);
  } else {
    const cursor = cursorOf(endpoint, shelf, query.endingBefore, "ending_before", now);
    let at = Math.min(end, shelf.placeIn(among, cursor)) - 1;
    for (; at >= begin && !hasMore; at--) take(among[at] as Wire);
    found.reverse();
  }
  const data = found.map((object) => text(world, endpoint, object, query.expand)).join(",");
  return `{"object":"list","data":[${data}],"has_more":${hasMore},"url":"/v1/${path}"}`;
}

/** The body of one object. */
export function oneObject(
  world: World,
  endpoint: Endpoint,
  id: string,
  params: URLSearchParams,
  now: number,
): string {
  const expand: string[][] = [];
  const unknown: string[] = [];
  for (const [key, value] of params) {
    if (/^expand(\[\d*\])?$/.test(key)) expand.push(expandable(endpoint.type, value, false));
    else unknown.push(key);
  }
  if (unknown.length > 0) throw unknownParameters(unknown);
  const object = endpoint.shelf(world).get(id);
  if (!object || endpoint.forgotten?.(object, now)) throw noSuch(endpoint.name, id);
  return text(world, endpoint, object, expand);
}

/** Objects are replaced, never changed, so the JSON of one is made once. */
const jsonOf = new WeakMap<Wire, string>();

function text(world: World, endpoint: Endpoint, object: Wire, expand: readonly string[][]): string {
  if (expand.length > 0) return JSON.stringify(expanded(world, endpoint.type, object, expand));
  let json = jsonOf.get(object);
  if (json === undefined) {
    json = JSON.stringify(plain(object));
    jsonOf.set(object, json);
  }
  return json;
}

function parse(world: World, endpoint: Endpoint, params: URLSearchParams, now: number): Query {
  const shelf = endpoint.shelf(world);
  const query: Query = {
    limit: 10,
    startingAfter: null,
    endingBefore: null,
    created: { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY },
    expand: [],
    tests: [],
    among: shelf.newestFirst(),
  };
  const lists = new Map<string, string[]>();
  const ranges = new Map<string, Range>([["created", query.created]]);
  const unknown: string[] = [];
  for (const [key, value] of params) {
    const listed = /^(\w+)(?:\[\d*\])?$/.exec(key)?.[1] ?? "";
    const [, ranged = "", bound] = /^(\w+?)(?:\[(gt|gte|lt|lte)\])?$/.exec(key) ?? [];
    const filter = own(endpoint.filters, key);
    if (value === "" && (filter || key === "limit" || key.startsWith("created"))) throw empty(key);
    if (key === "limit") query.limit = limitOf(value);
    else if (key === "starting_after") query.startingAfter = value;
    else if (key === "ending_before") query.endingBefore = value;
    else if (listed === "expand") query.expand.push(expandable(endpoint.type, value, true));
    else if (own(endpoint.listFilters, listed)) lists.set(listed, [...(lists.get(listed) ?? []), value]);
    else if ((ranged === "created" && !endpoint.undated) || own(endpoint.ranges, ranged)) {
      const range = ranges.get(ranged) ?? { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
      narrow(range, ranged, bound, value);
      ranges.set(ranged, range);
    } else if (filter) {
      if (filter.names && !filter.names.shelf(world).has(value))
        throw noSuch(filter.names.of, value, key, 400);
      const group = filter.property === undefined ? null : shelf.having(filter.property, value);
      if (group !== null && group.length < query.among.length) query.among = group;
      query.tests.push(filter.test(value));
    } else unknown.push(key.replace(/\[.*$/, ""));
  }
  if (unknown.length > 0) throw unknownParameters(unknown);
  const notBoth = (one: string, other: string) => {
    throw invalid(`You may only specify one of these parameters: ${one}, ${other}.`);
  };
  if (query.startingAfter !== null && query.endingBefore !== null) notBoth("starting_after", "ending_before");
  if (params.has("type") && lists.has("types")) notBoth("type", "types");
  for (const [name, values] of lists) {
    const test = endpoint.listFilters?.[name];
    if (test) query.tests.push(test(values));
  }
  for (const [name, range] of ranges) {
    const read = endpoint.ranges?.[name];
    if (!read) continue;
    query.tests.push((object) => {
      const value = read(object);
      return typeof value === "number" && value >= range.from && value <= range.to;
    });
  }
  for (const [name, test] of Object.entries(endpoint.unless ?? {}))
    if (!params.has(name)) query.tests.push(test);
  const { hidden } = endpoint;
  if (hidden) query.tests.push((object) => !hidden(object, now));
  return query;
}

function limitOf(value: string): number {
  const refuse = (message: string) => invalid(message, "limit", "parameter_invalid_integer");
  const limit = Number(value);
  if (!/^-?\d+$/.test(value)) throw refuse(`Invalid integer: ${value}`);
  if (limit < 1) throw refuse("This value must be greater than or equal to 1.");
  if (limit > 100) throw refuse("This value must be less than or equal to 100.");
  return limit;
}

function narrow(range: Range, name: string, bound: string | undefined, value: string): void {
  const param = bound === undefined ? name : `${name}[${bound}]`;
  if (!/^-?\d+$/.test(value)) throw invalid(`Invalid integer: ${value}`, param, "parameter_invalid_integer");
  const at = Number(value);
  if (bound === undefined || bound === "gte") range.from = Math.max(range.from, at);
  if (bound === undefined || bound === "lte") range.to = Math.min(range.to, at);
  if (bound === "gt") range.from = Math.max(range.from, at + 1);
  if (bound === "lt") range.to = Math.min(range.to, at - 1);
}

const empty = (param: string) =>
  invalid(
    `You passed an empty string for '${param}'. We assume empty values are an attempt to unset a parameter; however '${param}' cannot be unset. You should remove '${param}' from your request or supply a non-empty value.`,
    param,
    "parameter_invalid_empty",
  );

function cursorOf(endpoint: Endpoint, shelf: Shelf<Wire>, id: string, param: string, now: number): Wire {
  const object = shelf.get(id);
  if (!object || "deleted" in object || endpoint.forgotten?.(object, now))
    throw noSuch(endpoint.name, id, param, 400);
  return object;
}

/** The first place from which on a condition holds, in a list where it does not hold before it. */
function firstIndex<T>(items: readonly T[], holds: (item: T) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(items[middle] as T)) high = middle;
    else low = middle + 1;
  }
  return low;
}
