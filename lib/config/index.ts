// What a configuration file imports as `driftdesk/config`.
export {
  type AccountDefinition,
  type ConfigDefinition,
  date,
  defineConfig,
  type ResourceDefinition,
} from "./define.ts";
export type { Duration } from "./duration.ts";
