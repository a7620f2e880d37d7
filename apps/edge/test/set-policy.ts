import type { Edge } from "./harness.ts";

/** Replaces the policy of the workspace, for its next request. */
export async function setPolicy(edge: Edge, policy: object): Promise<void> {
  await edge.client.execute({
    sql: "UPDATE workspace SET policy = ? WHERE id = ?",
    args: [JSON.stringify(policy), edge.workspace.id],
  });
  edge.services.keyCache.clear();
}
