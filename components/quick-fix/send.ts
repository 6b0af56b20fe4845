export interface Sent {
  id: number;
  already: boolean;
}

export interface Sending {
  source: "file" | "paste";
  body: Blob | string;
  name: string | null;
  account: string | null;
  exportedAt: Date | null;
  /** The same for every attempt to send this. */
  key: string;
  onProgress: (share: number) => void;
  signal: AbortSignal;
}

/**
 * Sends what is brought; rejects with a sentence for people. Not `fetch`, which does not tell how far an upload is; the server
 * reads as it comes in, so that this is how far reading is, too.
 */
export function send({
  source,
  body,
  name,
  account,
  exportedAt,
  key,
  onProgress,
  signal,
}: Sending): Promise<Sent> {
  const query = new URLSearchParams({ source, key });
  if (name !== null) query.set("name", name.slice(-255));
  if (account !== null) query.set("account", account);
  if (exportedAt !== null) query.set("exported_at", exportedAt.toISOString());
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/imports?${query}`);
    request.setRequestHeader("content-type", source === "file" ? "text/csv" : "text/plain");
    request.responseType = "json";
    request.upload.onprogress = ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0);
    request.onload = () => {
      if (request.status === 200) resolve(request.response as Sent);
      else if (request.status === 401)
        reject(
          new Error("You are not signed in any more. Sign in in another tab, then send it again from here."),
        );
      else reject(new Error(request.response?.message ?? "The server could not read it. Try again."));
    };
    request.onerror = () => reject(new Error("The connection broke off. Nothing was kept: send it again."));
    request.onabort = () => reject(new Error("Stopped. Nothing was kept."));
    signal.addEventListener("abort", () => request.abort());
    request.send(body);
  });
}
