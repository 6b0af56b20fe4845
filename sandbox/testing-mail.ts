import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";

export interface TestMail {
  /** With a user and a password. */
  url: string;
  /** What came, as it went over the wire. */
  mails: { from: string; to: string[]; raw: string }[];
  /** How the next commands of a kind are answered: a number with a text, after SMTP's own; "dropped": the connection ends. */
  answers: { at: "login" | "recipient" | "mail"; code: number | "dropped" }[];
  close(): Promise<void>;
}

const user = "driftdesk";
const password = "very-secret-password";

/** A mail server that wants a login. `secure`: with TLS from the first byte, and a certificate that nobody vouches for. */
export async function startMail({ secure = false } = {}): Promise<TestMail> {
  const mails: TestMail["mails"] = [];
  const answers: TestMail["answers"] = [];
  const refusal = (at: TestMail["answers"][number]["at"]) => {
    if (answers[0]?.at !== at) return null;
    const code = answers.shift()?.code;
    return code === "dropped"
      ? code
      : Object.assign(new Error(`${password} is not told`), { responseCode: code });
  };
  const server = new SMTPServer({
    secure,
    disabledCommands: secure ? [] : ["STARTTLS"],
    allowInsecureAuth: true,
    logger: false,
    onAuth({ username, password: given }, _session, done) {
      const error = refusal("login");
      if (error && error !== "dropped") return done(error);
      if (username !== user || given !== password)
        return done(Object.assign(new Error("no"), { responseCode: 535 }));
      done(null, { user });
    },
    onRcptTo(_address, _session, done) {
      const error = refusal("recipient");
      done(error === "dropped" ? null : error);
    },
    onData(stream, session, done) {
      const pieces: Buffer[] = [];
      stream.on("data", (piece: Buffer) => pieces.push(piece));
      stream.on("end", () => {
        const error = refusal("mail");
        if (error === "dropped") return drop();
        if (error) return done(error);
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({
          from: mailFrom ? mailFrom.address : "",
          to: rcptTo.map(({ address }) => address),
          raw: Buffer.concat(pieces).toString(),
        });
        done();
      });
    },
  });
  const drop = () => {
    for (const { _socket: socket } of server.connections) socket.destroy();
  };
  server.on("error", () => {});
  const listening = server.listen(0, "127.0.0.1");
  await once(listening, "listening");
  const { port } = listening.address() as AddressInfo;
  return {
    url: `${secure ? "smtps" : "smtp"}://${user}:${password}@127.0.0.1:${port}`,
    mails,
    answers,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
