import { afterEach, beforeEach } from "vitest";
import { type Edge, startEdge } from "./harness.ts";
import { connectorOf } from "./senders.ts";

/** Starts an edge before each test of the file, and closes it after the test and the file's own hooks. */
export function useEdge(take: (edge: Edge) => void): void {
  let edge: Edge;
  beforeEach(async () => {
    edge = await startEdge();
    take(edge);
  });
  afterEach(async () => {
    await edge.settled();
    edge.close();
  });
}

/** As `useEdge`, with one session that is online, and what its connector says. */
export function useSender(
  take: (started: { edge: Edge; connector: ReturnType<typeof connectorOf>; sessionId: string }) => void,
): void {
  let edge: Edge;
  useEdge((started) => (edge = started));
  beforeEach(async () => {
    take({ edge, connector: connectorOf(edge), sessionId: await edge.addSession() });
  });
}
