export { apiVersion, type EventType, type WireEvent } from "./event.ts";
export { Random } from "./random.ts";
export { Shelf } from "./shelf.ts";
export { generateWorld, type World, type WorldOptions } from "./world.ts";
