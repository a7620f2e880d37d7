import type { Actor } from "../actor.ts";

/** The rows that an actor sees: those of its workspace, either the live ones or the sandbox's. */
export interface Tenant {
  workspaceId: string;
  test: 0 | 1;
}

export const tenantOf = ({ workspaceId, environment }: Actor): Tenant => ({
  workspaceId,
  test: environment === "test" ? 1 : 0,
});

/** The scope of a number's hash. The sandbox has its own hashes, so that it does not affect live requests. */
export const hashScope = ({ workspaceId, test }: Tenant) => (test === 1 ? `${workspaceId}/test` : workspaceId);
