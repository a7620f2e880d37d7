import type { Actor } from "../actor.ts";

/** Whose verifications a key sees: its workspace's, and of those the live ones or the rehearsals. */
export interface Tenant {
  workspaceId: string;
  test: 0 | 1;
}

export const tenantOf = ({ workspaceId, environment }: Actor): Tenant => ({
  workspaceId,
  test: environment === "test" ? 1 : 0,
});

/** What a number's hash is made for: rehearsals have hashes of their own, so that none stands in the way of the real thing. */
export const hashScope = ({ workspaceId, test }: Tenant) => (test === 1 ? `${workspaceId}/test` : workspaceId);
