import type { Shelf } from "../world/shelf.ts";
import type { World } from "../world/world.ts";
import type { Endpoint } from "./endpoints.ts";
import { invalid, noSuch, unknownParameter } from "./refusal.ts";

type Wire = { id: string };

/** Objects are replaced, never changed, so the JSON of one is made once. */
const jsonOf = new WeakMap<Wire, string>();

function json(object: Wire): string {
  let text = jsonOf.get(object);
  if (text === undefined) {
    text = JSON.stringify(object);
    jsonOf.set(object, text);
  }
  return text;
}

interface Query {
  limit: number;
  startingAfter: string | null;
  endingBefore: string | null;
  /** Both included, Unix seconds. */
  from: number;
  to: number;
  expand: string[];
  tests: ((object: Wire) => boolean)[];
}

/** The body of a list. */
export function listPage(
  world: World,
  path: string,
  endpoint: Endpoint,
  params: URLSearchParams,
  now: number,
): string {
  const query = parse(endpoint, params, now);
  const shelf = endpoint.shelf(world);
  const all = shelf.newestFirst();
  // Newest first: what is too new comes before `begin`, what is too old from `end` on.
  const begin = firstIndex(all, (object) => shelf.createdOf(object) <= query.to);
  const end = firstIndex(all, (object) => shelf.createdOf(object) < query.from);
  const passes = (object: Wire) => query.tests.every((test) => test(object));
  const found: Wire[] = [];
  let hasMore = false;
  if (query.endingBefore === null) {
    const after =
      query.startingAfter === null
        ? begin
        : Math.max(begin, indexOf(shelf, all, endpoint, query.startingAfter, "starting_after") + 1);
    for (let i = after; i < end && !hasMore; i++) {
      const object = all[i] as Wire;
      if (!passes(object)) continue;
      if (found.length === query.limit) hasMore = true;
      else found.push(object);
    }
  } else {
    const before = Math.min(end, indexOf(shelf, all, endpoint, query.endingBefore, "ending_before"));
    for (let i = before - 1; i >= begin && !hasMore; i--) {
      const object = all[i] as Wire;
      if (!passes(object)) continue;
      if (found.length === query.limit) hasMore = true;
      else found.unshift(object);
    }
  }
  const data = found.map((object) => expanded(world, endpoint, object, query.expand)).join(",");
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
  const expand: string[] = [];
  for (const [key, value] of params) {
    if (!/^expand(\[\d*\])?$/.test(key)) throw unknownParameter(key);
    expand.push(expandable(endpoint, value, value));
  }
  const object = endpoint.shelf(world).get(id);
  const gone = object && endpoint.name === "event" && endpoint.hidden?.(object, now);
  if (!object || gone) throw noSuch(endpoint.name, id);
  return expanded(world, endpoint, object, expand);
}

function expanded(world: World, endpoint: Endpoint, object: Wire, expand: string[]): string {
  if (expand.length === 0 || "deleted" in object) return json(object);
  const copy: Record<string, unknown> = { ...object };
  for (const name of expand) {
    const id = copy[name];
    if (typeof id === "string") copy[name] = endpoint.expand[name]?.(world).get(id) ?? id;
  }
  return JSON.stringify(copy);
}

function parse(endpoint: Endpoint, params: URLSearchParams, now: number): Query {
  const query: Query = {
    limit: 10,
    startingAfter: null,
    endingBefore: null,
    from: Number.NEGATIVE_INFINITY,
    to: Number.POSITIVE_INFINITY,
    expand: [],
    tests: [],
  };
  const lists = new Map<string, string[]>();
  for (const [key, value] of params) {
    const list = /^(\w+)\[\d*\]$/.exec(key)?.[1];
    const range = /^created\[(gt|gte|lt|lte)\]$/.exec(key)?.[1];
    if (key === "limit") query.limit = limitOf(value);
    else if (key === "starting_after") query.startingAfter = value;
    else if (key === "ending_before") query.endingBefore = value;
    else if (endpoint.created && (range || key === "created")) narrow(query, range, value);
    else if (list === "expand") query.expand.push(expandable(endpoint, value.replace(/^data\./, ""), value));
    else if (list && endpoint.listFilters?.[list]) lists.set(list, [...(lists.get(list) ?? []), value]);
    else if (endpoint.filters[key]) query.tests.push(endpoint.filters[key](value));
    else throw unknownParameter(key);
  }
  if (query.startingAfter !== null && query.endingBefore !== null)
    throw invalid("You may only specify one of these parameters: starting_after, ending_before.");
  for (const [name, values] of lists) {
    const test = endpoint.listFilters?.[name];
    if (test) query.tests.push(test(values));
  }
  for (const [name, test] of Object.entries(endpoint.unless ?? {}))
    if (!params.has(name)) query.tests.push(test);
  const { hidden } = endpoint;
  if (hidden) query.tests.push((object) => !hidden(object, now));
  return query;
}

function limitOf(value: string): number {
  const limit = Number(value);
  if (!/^-?\d+$/.test(value))
    throw invalid(`Invalid integer: ${value}`, "limit", "parameter_invalid_integer");
  if (limit < 1)
    throw invalid("This value must be greater than or equal to 1.", "limit", "parameter_invalid_integer");
  if (limit > 100)
    throw invalid("This value must be less than or equal to 100.", "limit", "parameter_invalid_integer");
  return limit;
}

function narrow(query: Query, range: string | undefined, value: string): void {
  if (!/^\d+$/.test(value)) throw invalid(`Invalid timestamp: ${value}`, "created");
  const at = Number(value);
  if (range === undefined || range === "gte") query.from = Math.max(query.from, at);
  if (range === undefined || range === "lte") query.to = Math.min(query.to, at);
  if (range === "gt") query.from = Math.max(query.from, at + 1);
  if (range === "lt") query.to = Math.min(query.to, at - 1);
}

function expandable(endpoint: Endpoint, name: string, given: string): string {
  if (endpoint.expand[name]) return name;
  throw invalid(`This property cannot be expanded (${given}).`, "expand");
}

function indexOf(
  shelf: Shelf<Wire>,
  all: readonly Wire[],
  endpoint: Endpoint,
  id: string,
  param: string,
): number {
  const object = shelf.get(id);
  if (!object || "deleted" in object) throw noSuch(endpoint.name, id, param, 400);
  const created = shelf.createdOf(object);
  let i = firstIndex(all, (other) => shelf.createdOf(other) <= created);
  while (all[i] !== object) i++;
  return i;
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
