import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import type { Local } from "@sandi/local-stack";

/** What a phone received: a text, or a file, which it has downloaded and opened unless there is a problem. */
export interface Received {
  text: string;
  media?: { sha256?: string; problem?: string };
}

/**
 * Follows the simulator's live events, so that waiting for a phone costs no CPU there. `fetch` and events that are parsed
 * for nothing would cost it here.
 */
export async function followPhones(local: Local, onMessage: (phone: string, message: Received) => void): Promise<void> {
  const [response] = (await once(get(`${local.simulatorUrl ?? ""}/events`), "response")) as [IncomingMessage];
  let rest = "";
  response.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (!line.startsWith("data:") || !line.includes('"direction":"in"')) continue;
      const event = JSON.parse(line.slice("data:".length)) as { type: string; phone: string; message: Received };
      if (event.type === "message") onMessage(event.phone, event.message);
    }
  });
}
