// What a configuration file imports as `driftdesk/config`.
export {
  type AccountDefinition,
  type ConfigDefinition,
  type Duration,
  date,
  defineConfig,
  type ResourceDefinition,
} from "./define.ts";
