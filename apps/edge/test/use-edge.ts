import { afterEach, beforeEach } from "vitest";
import { type Edge, startEdge } from "./harness.ts";

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
