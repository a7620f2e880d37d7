import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { readBody } from "../http.ts";
import { listen } from "../listen.ts";

const maxBytes = 1024 * 1024;
const checkMs = 1_000;

/**
 * Distributes requests to several connectors, as Fly's proxy does: each request goes to the next connector that is ready.
 * A connector that refused the connection has seen nothing of the request, so the next one gets it.
 */
export async function startBalancer({ port, targets }: { port: number; targets: readonly string[] }) {
  let ready = targets;
  let turn = 0;
  const server = createServer((incoming, outgoing) => {
    handle(incoming, outgoing).catch(() => outgoing.destroy());
  });

  async function handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await readBody(incoming, maxBytes);
    const first = turn++;
    for (let i = 0; i < ready.length; i++) {
      const answer = await ask(ready[(first + i) % ready.length]!, incoming, body);
      if (answer === "refused") continue;
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
      return;
    }
    outgoing.writeHead(503, { "retry-after": "1" }).end();
  }

  async function look(): Promise<void> {
    const answers = await Promise.all(targets.map(isReady));
    const good = targets.filter((_, i) => answers[i]);
    ready = good.length > 0 ? good : targets;
  }
  const checking = setInterval(() => void look(), checkMs);

  await listen(server, port);
  return {
    async close() {
      clearInterval(checking);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function isReady(target: string): Promise<boolean> {
  try {
    return (await fetch(`${target}/readyz`, { signal: AbortSignal.timeout(checkMs) })).ok;
  } catch {
    return false;
  }
}

function ask(target: string, incoming: IncomingMessage, body: Buffer): Promise<IncomingMessage | "refused"> {
  return new Promise((resolve, reject) => {
    const { method, url = "/", headers } = incoming;
    const outgoing = request(target + url, { method, headers });
    outgoing.once("response", resolve);
    outgoing.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED") resolve("refused");
      else reject(error);
    });
    outgoing.end(body);
  });
}
