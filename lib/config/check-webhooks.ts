// Whether webhooks can be received. Whether a secret looks like one is seen at the start, with everything else that is set.
import type { Desk } from "../desk.ts";
import type { Finding } from "./check.ts";

/** Runs find everything without webhooks, only later: so these are warnings. */
export function checkWebhooks(all: readonly [Desk, ...Desk[]]): Finding[] {
  const several = all.length > 1;
  const named = [...new Set(all.map((desk) => desk.config.account.webhookSecret))];
  const missing = named.filter((variable) => secretsIn(all[0], variable).length === 0);
  return [
    ...missing.map((variable): Finding => {
      const of = all.filter((desk) => desk.config.account.webhookSecret === variable);
      const whose = several ? ` of ${of.map((desk) => desk.config.account.name).join(", ")}` : "";
      return {
        level: "warning",
        where: "webhooks",
        code: "webhook_secret_missing",
        message: `webhooks${whose} are refused: ${variable} is not set`,
        remedy:
          "add /api/webhooks/stripe of this desk as an endpoint in Stripe, and set its signing secret; without it a change waits for the next run",
      };
    }),
    ...unclear(all),
  ];
}

/** An event that names no connected account is told by its secret alone. */
function unclear(all: readonly Desk[]): Finding[] {
  const own = all.filter((desk) => desk.config.account.stripeAccount === undefined);
  return own.flatMap((desk, i) => {
    const { name, webhookSecret } = desk.config.account;
    const secrets = secretsIn(desk, webhookSecret);
    const other = own
      .slice(0, i)
      .find((one) =>
        secretsIn(one, one.config.account.webhookSecret).some((secret) => secrets.includes(secret)),
      );
    if (!other) return [];
    return [
      {
        level: "warning" as const,
        where: `accounts.${name}.webhookSecret`,
        code: "webhook_secret_shared",
        message: `"${other.config.account.name}" has the same signing secret: whose an event is could not be told, and it is refused`,
        remedy: "name another variable here, with the signing secret of this account's own endpoint",
      },
    ];
  });
}

const secretsIn = ({ environment }: Desk, variable: string): readonly string[] =>
  environment.webhookSecrets[variable] ?? [];
