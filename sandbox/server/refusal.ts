// What Stripe answers when it does not answer what was asked.

export class Refusal extends Error {
  readonly status: number;
  readonly body: { error: Record<string, string> };
  readonly headers: Record<string, string>;

  constructor(status: number, error: Record<string, string>, headers: Record<string, string> = {}) {
    super(error.message ?? String(status));
    this.status = status;
    this.body = { error };
    this.headers = headers;
  }
}

const docs = "https://stripe.com/docs/error-codes";

export const invalid = (message: string, param?: string, code?: string, status = 400): Refusal =>
  new Refusal(status, {
    ...(code && { code, doc_url: `${docs}/${code.replaceAll("_", "-")}` }),
    message,
    ...(param && { param }),
    type: "invalid_request_error",
  });

export const unknownParameters = (params: readonly string[]): Refusal =>
  invalid(
    `Received unknown parameter${params.length > 1 ? "s" : ""}: ${params.join(", ")}`,
    params[0],
    "parameter_unknown",
  );

export const noSuch = (name: string, id: string, param = "id", status = 404): Refusal =>
  invalid(`No such ${name}: '${id}'`, param, "resource_missing", status);

export const unrecognized = (method: string, path: string): Refusal =>
  invalid(
    `Unrecognized request URL (${method}: ${path}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.`,
    undefined,
    undefined,
    404,
  );

/** Keys are shown as Stripe shows them: the beginning, stars, the last four. */
const redacted = (key: string): string =>
  key.length <= 12
    ? key.replace(/./g, "*")
    : `${key.slice(0, 8)}${"*".repeat(key.length - 12)}${key.slice(-4)}`;

export const noKey = (): Refusal =>
  new Refusal(401, {
    message:
      "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
    type: "invalid_request_error",
  });

export const wrongKey = (key: string): Refusal =>
  new Refusal(401, { message: `Invalid API Key provided: ${redacted(key)}`, type: "invalid_request_error" });

export const notPermitted = (key: string, account: string, permission: string): Refusal =>
  new Refusal(403, {
    code: "more_permissions_required_for_application",
    message: `The provided key '${redacted(key)}' does not have the required permissions for this endpoint on account '${account}'. Having the '${permission}' permission would allow this request to continue.`,
    type: "invalid_request_error",
  });

/** As for an account that there is not: which of the two it is, Stripe does not tell. */
export const noAccess = (key: string, account: string): Refusal =>
  new Refusal(403, {
    code: "account_invalid",
    doc_url: `${docs}/account-invalid`,
    message: `The provided key '${redacted(key)}' does not have access to account '${account}' (or that account does not exist). Application access may have been revoked.`,
    type: "invalid_request_error",
  });

export type LimitReason = "global-rate" | "endpoint-rate" | "global-concurrency" | "endpoint-concurrency";

export const tooMany = (reason: LimitReason): Refusal =>
  new Refusal(
    429,
    {
      code: "rate_limit",
      doc_url: `${docs}/rate-limit`,
      message:
        "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
      type: "invalid_request_error",
    },
    { "Stripe-Rate-Limited-Reason": reason },
  );

export const broken = (): Refusal =>
  new Refusal(500, { message: "An unknown error occurred", type: "api_error" });
