/** That this process answers at all: whoever gets no answer restarts it. What is wrong elsewhere is no reason to. */
export function GET(): Response {
  return Response.json({ ok: true }, { headers: { "cache-control": "no-store" } });
}
