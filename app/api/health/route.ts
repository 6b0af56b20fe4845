import { getDesk } from "@/app/desk.ts";

/** Whether this process can do its work: 200 when its database answers, 503 otherwise. For load balancers; says nothing else. */
export async function GET(): Promise<Response> {
  try {
    const desk = await getDesk();
    await desk.sql`SELECT 1`;
    return Response.json({ ok: true });
  } catch {
    return Response.json({ ok: false }, { status: 503 });
  }
}
