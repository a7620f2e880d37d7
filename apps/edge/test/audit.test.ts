import type { AuditList, CreatedApiKey } from "@sandi/contracts";
import { scopes } from "@sandi/contracts";
import { hashApiKey } from "@sandi/crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { setQuota } from "../src/setup.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let actor: string;

beforeEach(async () => {
  const rows = await edge.rows("SELECT id FROM api_key WHERE hash = ?", await hashApiKey(edge.workspace.key));
  actor = String(rows[0]?.["id"]);
});

const list = async (query = "") => (await edge.api<AuditList>(`GET /v1/audit${query}`)).body;
const actions = ({ entries }: AuditList) => entries.map(({ action }) => action);

/** One change of each kind, a millisecond apart. */
async function changeAll(): Promise<CreatedApiKey> {
  const { client, services, workspace } = edge;
  const steps: [string, unknown?][] = [
    ["PATCH /v1/workspace", { policy: { maxChecks: 3 } }],
    ["POST /v1/access-rules", { effect: "block", kind: "number", value: "+6281234567890" }],
  ];
  const { body } = await edge.api<CreatedApiKey>("POST /v1/keys", { name: "a", scopes: ["otp:send"] });
  steps.push([`PATCH /v1/keys/${body.id}`, { name: "b" }], [`DELETE /v1/keys/${body.id}`]);
  for (const [request, input] of steps) {
    edge.advance(1);
    expect((await edge.api(request, input)).status).toBeLessThan(300);
  }
  edge.advance(1);
  await setQuota({
    client,
    now: services.now(),
    random: services.random,
    workspaceId: workspace.id,
    quota: { keyBurst: 9 },
  });
  return body;
}

describe("the audit log", () => {
  it("has every change with who made it, newest first, and no secrets", async () => {
    const key = await changeAll();
    const log = await list();
    expect(actions(log)).toEqual([
      "quota.updated",
      "key.revoked",
      "key.updated",
      "access_rule.created",
      "workspace.updated",
      "key.created",
    ]);
    expect(log.entries.map((entry) => entry.actor)).toEqual(["operator", ...Array.from({ length: 5 }, () => actor)]);
    expect(log.entries[4]).toEqual({
      id: expect.stringMatching(/^aud_/) as string,
      actor,
      action: "workspace.updated",
      target: edge.workspace.id,
      detail: { policy: { maxChecks: { from: 5, to: 3 } } },
      createdAt: "2026-11-21T08:00:00.001Z",
    });
    const text = JSON.stringify(log);
    expect(text).not.toContain(key.key);
    expect(text).not.toContain(await hashApiKey(key.key ?? ""));
    expect(text).not.toContain("81234567890");
  });

  it("is looked through by actor, action and target, by pages", async () => {
    const { id } = await changeAll();
    expect(actions(await list("?actor=operator"))).toEqual(["quota.updated"]);
    expect(actions(await list(`?actor=${actor}&action=key.updated`))).toEqual(["key.updated"]);
    expect(actions(await list(`?target=${id}`))).toEqual(["key.revoked", "key.updated", "key.created"]);
    expect(actions(await list("?action=key.unheard_of"))).toEqual([]);
    const first = await list(`?target=${id}&limit=2`);
    expect(actions(first)).toEqual(["key.revoked", "key.updated"]);
    const second = await list(`?target=${id}&limit=2&cursor=${first.nextCursor}`);
    expect([actions(second), second.nextCursor]).toEqual([["key.created"], null]);
    for (const query of ["limit=101", "limit=0", "cursor=x", "actor=me", "action=everything"]) {
      expect((await edge.api(`GET /v1/audit?${query}`)).status).toBe(400);
    }
  });

  it("is its workspace's own, and wants key:manage", async () => {
    await changeAll();
    const stranger = await edge.addWorkspace();
    const theirs = await edge.api("GET /v1/audit", undefined, { key: stranger.key });
    expect(theirs.body).toEqual({ entries: [], nextCursor: null });
    const weak = await edge.addKey(
      edge.workspace.id,
      scopes.filter((scope) => scope !== "key:manage"),
    );
    expect((await edge.api("GET /v1/audit", undefined, { key: weak })).status).toBe(403);
  });

  it("is not written to by what was refused", async () => {
    await edge.api("PATCH /v1/workspace", { policy: { maxChecks: 99 } });
    await edge.api("POST /v1/keys", { name: "", scopes: [] });
    await edge.api("POST /v1/access-rules", { effect: "block", kind: "country", value: "XX" });
    await edge.api("DELETE /v1/keys/key_01jd3k9v7hq2w8x5n4b6m0c1ta");
    expect((await list()).entries).toEqual([]);
  });
});
