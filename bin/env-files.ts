import { existsSync } from "node:fs";

// The same files that Next reads for the web process, so that the command line means the same database. A variable
// that is set already wins.
for (const file of [".env.local", ".env"]) if (existsSync(file)) process.loadEnvFile(file);
