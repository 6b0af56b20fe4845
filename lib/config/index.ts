// What a configuration file imports as `driftdesk/config`.
export { type ConfigDefinition, date, defineConfig, type Duration, type ResourceDefinition } from "./define.ts";
