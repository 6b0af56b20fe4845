// The odd table with everything but amounts corrected by itself. For tests.
import type { ConfigDefinition, ResourceDefinition } from "../lib/config/define.ts";
import accountsConfig from "./accounts.config.ts";

export default {
  ...accountsConfig,
  resources: {
    subscriptions: { ...(accountsConfig.resources.subscriptions as ResourceDefinition), policy: "auto" },
  },
  fixes: { autoLimit: { rows: 40, share: 0.5 } },
} satisfies ConfigDefinition;
