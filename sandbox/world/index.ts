export { apiVersion } from "./event.ts";
export { generateWorld, type World } from "./world.ts";
