import { createServer, type IncomingHttpHeaders } from "node:http";

/** A request that one of the fakes received. */
export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Telegram's `sendMessage`, a Slack-compatible webhook and a plain webhook, on one port of this machine. */
export interface AlertTargets {
  url: string;
  received: Received[];
  close(): Promise<void>;
}

/** @param botToken the token that the fake of Telegram accepts */
export async function startAlertTargets(botToken: string): Promise<AlertTargets> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { url: path = "/", headers } = request;
      const body = Buffer.concat(chunks).toString();
      received.push({ path, headers, body });
      const [status, type, answer] = answerTo(path, body, botToken);
      response.writeHead(status, { "content-type": type }).end(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`,
    received,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answerTo(path: string, body: string, botToken: string): [status: number, type: string, answer: string] {
  const parsed = JSON.parse(body) as Record<string, unknown>;
  const hasText = typeof parsed["text"] === "string";
  if (path.startsWith("/bot")) {
    if (path !== `/bot${botToken}/sendMessage`) return telegram(401, "Unauthorized");
    return hasText && parsed["chat_id"] !== undefined ? telegram(200) : telegram(400, "Bad Request: chat not found");
  }
  if (!path.startsWith("/services/")) return [204, "text/plain", ""];
  return hasText ? [200, "text/html", "ok"] : [400, "text/html", "invalid_payload"];
}

function telegram(status: number, description?: string): [number, string, string] {
  const answer = description ? { ok: false, error_code: status, description } : { ok: true, result: { message_id: 1 } };
  return [status, "application/json", JSON.stringify(answer)];
}
