import NextAuth from "next-auth";
import { getDesk } from "@/app/desk.ts";
import { authOptions } from "@/lib/auth/next-auth.ts";
import { sessionSecret } from "@/lib/auth/secret.ts";

type Context = { params: Promise<{ nextauth: string[] }> };

async function handle(request: Request, context: Context): Promise<Response> {
  const desk = await getDesk();
  return NextAuth(
    request as never,
    context as never,
    authOptions(desk, await sessionSecret(desk.environment)),
  );
}

export { handle as GET, handle as POST };
