// Runs after every install: corrects the Postgres driver where it cannot bear to lose a connection. See
// docs/decisions/0024-the-driver-is-mended.md. Text that is not there any more is an error: then somebody has to look.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

interface Correction {
  file: "connection.js" | "index.js";
  from: string;
  to: string;
}

const corrections: Correction[] = [
  {
    // A statement for a connection that is gone was written to nobody, and took the whole process down.
    file: "connection.js",
    from: `      return queryError(q, Errors.connection('CONNECTION_DESTROYED', options))

    if (stream)`,
    to: `      return queryError(q, Errors.connection('CONNECTION_DESTROYED', options))

    if (!socket)
      return (queryError(q, Errors.connection('CONNECTION_CLOSED', options)), true)

    if (stream)`,
  },
  {
    file: "connection.js",
    from: `  function nextWrite(fn) {
    const x = socket.write(chunk, fn)
    nextWriteTimer`,
    to: `  function nextWrite(fn) {
    const x = socket ? socket.write(chunk, fn) : true
    nextWriteTimer`,
  },
  {
    // What was left unsent would go out first on the next connection, or keep it from ever sending anything.
    file: "connection.js",
    from: `    clearImmediate(nextWriteTimer)
    if (socket) {`,
    to: `    clearImmediate(nextWriteTimer)
    chunk = nextWriteTimer = null
    if (socket) {`,
  },
  {
    file: "connection.js",
    from: `    clearImmediate(nextWriteTimer)
    socket.removeListener`,
    to: `    clearImmediate(nextWriteTimer)
    chunk = nextWriteTimer = null
    socket.removeListener`,
  },
  {
    // What was asked between a connection's error and its end stayed in line for the next connection, where each answer
    // then went to the statement before its own.
    file: "connection.js",
    from: `    socket.removeAllListeners()
    socket = null

    if (initial)`,
    to: `    socket.removeAllListeners()
    socket = null

    const gone = Errors.connection('CONNECTION_CLOSED', options, socket)
    initial || !(query || sent.length) || error(gone)
    query && queryError(query, gone)
    while (sent.length)
      queryError(sent.shift(), gone)
    query = results = errorResponse = null
    result = new Result()

    if (initial)`,
  },
  {
    // Nobody was told when a connection broke while it was being made, and Node ends a process for that.
    file: "connection.js",
    from: "        return fetchArrayTypes()\n",
    to: "        return fetchArrayTypes().catch(() => {})\n",
  },
  {
    // A COPY's rows and its end are two small writes: the second waited for the first to be acknowledged, which the
    // other side puts off for 40 ms. Each page of a run waited so, twice.
    file: "connection.js",
    from: `        : new net.Socket()
`,
    to: `        : new net.Socket().setNoDelay(true)
`,
  },
  {
    // A COPY whose rows were refused after the last of them was sent ended neither well nor badly, but never.
    file: "connection.js",
    from: `    stream && (stream.destroy(err), stream = null)
    query && queryError`,
    to: `    stream && (stream.destroy(err), stream = null)
    final && (final(err), final = null)
    query && queryError`,
  },
  {
    // A COPY that fails at once fails before whoever asked for its stream has it, and Node ends a process for an error
    // that nobody listens for. Reading or writing the stream tells of it all the same.
    file: "connection.js",
    from: `      read() { socket.resume() }
    })
    query.resolve(stream)`,
    to: `      read() { socket.resume() }
    })
    stream.on('error', () => {})
    query.resolve(stream)`,
  },
  {
    // The rest of a transaction whose connection broke was executed, and committed, by whatever connection came next.
    file: "index.js",
    from: `      , connection
      , prepare = null

    try {`,
    to: `      , connection
      , prepare = null
      , lost = null

    try {`,
  },
  {
    file: "index.js",
    from: `        new Promise((_, reject) => connection.onclose = reject)`,
    to: `        new Promise((_, reject) => connection.onclose = e => {
          lost = e
          while (queries.length)
            queries.shift().reject(e)
          reject(e)
        })`,
  },
  {
    file: "index.js",
    from: `        q.catch(e => uncaughtError || (uncaughtError = e))
        c.queue`,
    to: `        q.catch(e => uncaughtError || (uncaughtError = e))
        if (lost)
          return q.reject(lost)

        c.queue`,
  },
  {
    // The same for a connection of one's own; and giving it back made the pool believe that it was open.
    file: "index.js",
    from: `    c.reserved.release = true

    const sql = Sql(handler)
    sql.release = () => {
      c.reserved = null
      onopen(c)
    }`,
    to: `    c.reserved.release = true

    let lost = null
    c.onclose = e => {
      lost = e
      while (queue.length)
        queue.shift().reject(e)
    }

    const sql = Sql(handler)
    sql.release = () => {
      if (lost)
        return

      c.onclose = null
      c.reserved = null
      onopen(c)
    }`,
  },
  {
    file: "index.js",
    from: `    function handler(q) {
      c.queue === full
        ? queue.push(q)`,
    to: `    function handler(q) {
      if (lost)
        return q.reject(lost)

      c.queue === full
        ? queue.push(q)`,
  },
];

const folder = join(import.meta.dirname, "..", "node_modules", "postgres");
for (const build of ["src", "cjs/src"])
  for (const name of ["connection.js", "index.js"] as const) {
    const path = join(folder, build, name);
    const before = await readFile(path, "utf8");
    const after = corrections.filter(({ file }) => file === name).reduce(correct, before);
    if (after !== before) await writeFile(path, after);
  }

function correct(text: string, { file, from, to }: Correction): string {
  if (text.includes(to)) return text;
  if (text.split(from).length !== 2)
    throw new Error(
      `postgres/${file} is not the one that these corrections are for. Compare them with its new version, and keep what it still lacks:\n${to}`,
    );
  return text.replace(from, () => to);
}
