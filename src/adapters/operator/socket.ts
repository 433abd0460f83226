import { chmodSync, existsSync, rmSync } from "node:fs";

/** Questions that a program on the same machine may ask of a running one: a name, and one argument, both JSON. */
export type Questions = Readonly<Record<string, (argument: unknown) => Promise<unknown>>>;

/**
 * Answers questions on a socket that only this user can open. It has no other lock: who may open it may do anything that an
 * operator may.
 */
export const answerOn = (path: string, questions: Questions): { stop(): Promise<void> } => {
  // Left behind by a process that was killed: the folder's own lock says that nobody lives there.
  rmSync(path, { force: true });
  const server = Bun.serve({
    unix: path,
    fetch: async (request) => {
      const name = new URL(request.url).pathname.slice(1);
      const answer = Object.hasOwn(questions, name) ? questions[name] : undefined;
      if (answer === undefined) return Response.json({ error: `no such question: ${name}` }, { status: 404 });
      try {
        return Response.json({ value: await answer(await request.json()) });
      } catch (error) {
        return Response.json({ error: error instanceof Error ? error.message : String(error) }, { status: 500 });
      }
    },
  });
  chmodSync(path, 0o600);
  return {
    stop: async () => {
      await server.stop();
      rmSync(path, { force: true });
    },
  };
};

/** Null: nobody answers there. */
export const askOn = async (path: string): Promise<((name: string, argument: unknown) => Promise<unknown>) | null> => {
  if (!existsSync(path)) return null;
  const ask = async (name: string, argument: unknown): Promise<unknown> => {
    const response = await fetch(`http://matinee/${name}`, {
      unix: path,
      method: "POST",
      body: JSON.stringify(argument),
    });
    const said = (await response.json()) as { readonly value?: unknown; readonly error?: string };
    if (said.error !== undefined) throw new Error(said.error);
    return said.value;
  };
  try {
    await ask("are_you_there", null);
    return ask;
  } catch (error) {
    if (error instanceof Error && "code" in error) return null; // No process behind the socket.
    throw error;
  }
};
