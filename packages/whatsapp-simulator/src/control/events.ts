import type { ServerResponse } from "node:http";
import type { Simulator } from "../api.ts";

const keepAliveMs = 15_000;

/**
 * Server-sent events of all phones. The first event has their current state. The events of one turn of the event loop are
 * one write to the connection, because each write costs more CPU than the events.
 */
export function streamEvents(response: ServerResponse, simulator: Simulator): void {
  let waiting = "";
  const flush = () => {
    response.write(waiting);
    waiting = "";
  };
  const add = (text: string) => {
    if (waiting === "") setImmediate(flush);
    waiting += text;
  };
  const send = (event: string, data: unknown) => add(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  const stop = simulator.onEvent((event) => send(event.type, event));
  const beat = setInterval(() => add(": still here\n\n"), keepAliveMs);
  response.once("close", () => {
    clearInterval(beat);
    stop();
  });
  // The end of the connection is the end of the stream, so that no write needs a chunk around it.
  response.removeHeader("transfer-encoding");
  response.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    connection: "close",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
  });
  send("hello", {
    phones: simulator.phones(),
    groups: simulator.groups(),
    waiting: simulator.waiting(),
    faults: simulator.faults(),
  });
}
