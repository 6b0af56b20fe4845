// Reading from an object of which only a part is known. A mapping is somebody's function: whatever it does with what it was handed,
// its answer counts only when it never touched what nobody told.

/** What is known of an object of Stripe's: of lists that are not told whole, some places. */
export interface Told {
  readonly [name: string]: Node;
}
type Node = string | number | boolean | null | typeof absent | Told | TellsSome;

/** Stripe leaves this property out. */
export const absent = Symbol("absent");

/** A list of which only the beginning is known. */
export class TellsSome {
  readonly items: readonly Told[];
  constructor(...items: readonly Told[]) {
    this.items = items;
  }
}

/** Throws nothing itself: `untold` says that what a function answered, or threw, came from what nobody told. */
export function readTold<T>(
  told: Told,
  read: (object: never) => T,
): { untold: true } | { untold: false; value: T } {
  const seen = { untold: false };
  const object = watched(told, seen);
  try {
    const value = read(object as never);
    return seen.untold ? { untold: true } : { untold: false, value };
  } catch (error) {
    if (seen.untold) return { untold: true };
    throw error;
  }
}

interface Seen {
  untold: boolean;
}

function watched(node: Told | TellsSome, seen: Seen): object {
  const list = node instanceof TellsSome;
  // A place in a list that is not among the known ones may hold anything.
  const known = (name: string | symbol): Node | undefined => {
    if (typeof name === "symbol") return undefined;
    const from = list ? node.items : node;
    return Object.hasOwn(from, name) && name !== "length" ? (from as Record<string, Node>)[name] : undefined;
  };
  const untold = () => {
    seen.untold = true;
  };
  // The same object each time it is asked for: functions compare by identity, and cannot change anything.
  const inside = new Map<string | symbol, object>();
  const valueAt = (name: string | symbol): unknown => {
    const value = known(name);
    if (value === undefined) return untold();
    if (value === absent) return undefined;
    if (typeof value !== "object" || value === null) return value;
    const before = inside.get(name) ?? watched(value, seen);
    inside.set(name, before);
    return before;
  };
  const refuse = () => {
    untold();
    return false;
  };
  const target: object = list ? [] : {};
  // Node shows what stands behind a proxy without asking it.
  Object.defineProperty(target, Symbol.for("nodejs.util.inspect.custom"), {
    value: untold,
    configurable: true,
  });
  return new Proxy(target, {
    get: (_, name) => valueAt(name),
    has(_, name) {
      const value = known(name);
      if (value === undefined) untold();
      return value !== undefined && value !== absent;
    },
    getOwnPropertyDescriptor(_, name) {
      const value = valueAt(name);
      if (name === "length" && list) return Reflect.getOwnPropertyDescriptor(target, name);
      if (known(name) === undefined || known(name) === absent) return undefined;
      return { value, enumerable: true, configurable: true, writable: true };
    },
    // Which properties there are is never known whole.
    ownKeys() {
      untold();
      return Reflect.ownKeys(target);
    },
    set: refuse,
    defineProperty: refuse,
    deleteProperty: refuse,
    setPrototypeOf: refuse,
    preventExtensions: refuse,
    isExtensible() {
      untold();
      return true;
    },
  });
}
