// The odd table with everything corrected by itself, however much there is.
import type { ConfigDefinition } from "../../lib/config/define.ts";
import policiesConfig from "../policies.config.ts";

export default {
  ...policiesConfig,
  fixes: { autoLimit: { rows: 10_000, share: 1 } },
} satisfies ConfigDefinition;
