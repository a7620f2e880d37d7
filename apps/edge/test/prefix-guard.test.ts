import type { GuardedPrefixList } from "@sandi/contracts";
import { describe, expect, it } from "vitest";
import { accessRuleCalls } from "./access-rule-calls.ts";
import { auditRows } from "./audit-rows.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
const { verify, codeFor, isoIn } = accessRuleCalls(() => edge);
async function guard(prefix: string, blockedUntil: number, strikes = 1, workspaceId = edge.workspace.id) {
  await edge.client.execute({
    sql: "INSERT INTO prefix_guard VALUES (?, ?, ?, ?, 40, 1, 0)",
    args: [workspaceId, prefix, blockedUntil, strikes],
  });
}
const guarded = async (query = "") => (await edge.api<GuardedPrefixList>(`GET /v1/prefix-guard${query}`)).body;

describe("the prefix guard", () => {
  it("lists what it has blocked, in pages", async () => {
    const now = edge.services.now().getTime();
    await guard("6281234", now + 1000, 2);
    await guard("6281233", now);
    const first = await guarded("?limit=1");
    expect(first).toEqual({
      prefixes: [{ prefix: "6281233", blockedUntil: null, strikes: 1, sends: 40, approved: 1 }],
      nextCursor: "6281233",
    });
    expect(await guarded(`?cursor=${first.nextCursor}`)).toEqual({
      prefixes: [{ prefix: "6281234", blockedUntil: isoIn(1000), strikes: 2, sends: 40, approved: 1 }],
      nextCursor: null,
    });
    expect((await edge.api("GET /v1/prefix-guard?cursor=x")).status).toBe(400);
  });

  it("allows codes again when its block is lifted", async () => {
    await edge.addSession();
    await guard("6281234", edge.services.now().getTime() + 3_600_000, 3);
    expect(await codeFor()).toBe("prefix-blocked");
    expect((await edge.api("DELETE /v1/prefix-guard/6281234")).status).toBe(204);
    expect((await verify()).status).toBe(202);
    expect((await guarded()).prefixes[0]).toMatchObject({ blockedUntil: null, strikes: 0 });
    expect((await edge.api("DELETE /v1/prefix-guard/6281234")).status).toBe(204);
    expect((await auditRows(edge)).map(({ action, target }) => [action, target])).toEqual([
      ["prefix_guard.lifted", "6281234"],
    ]);
  });

  it("is its workspace's own", async () => {
    const stranger = await edge.addWorkspace();
    const until = edge.services.now().getTime() + 1000;
    await guard("6281234", until, 1, stranger.id);
    expect((await guarded()).prefixes).toEqual([]);
    for (const prefix of ["6281234", "x", "62812345"]) {
      const answer = await edge.api(`DELETE /v1/prefix-guard/${prefix}`);
      expect([answer.status, answer.body.code]).toEqual([404, "not-found"]);
    }
    expect(await edge.rows("SELECT blocked_until FROM prefix_guard")).toEqual([{ blocked_until: until }]);
    const test = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
    expect((await edge.api("DELETE /v1/prefix-guard/6281234", undefined, { key: test })).status).toBe(403);
  });
});
