import type { ApiKeyList, AuditList, CreatedApiKey, Message, VerificationResult } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import { everyRoute, everything, liveResources, requestOf, to } from "./every-route.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let key: string;

beforeEach(async () => {
  key = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
});

/**
 * What a route is for a test key. `sandbox`: it sees and changes sends of the sandbox and test keys only. `refused`: the sandbox
 * has none of it. `shared`: it reads what both sides go by. `keyless`: it takes no API key.
 */
type Decision = "sandbox" | "refused" | "shared" | "keyless";

const decisions: Record<string, Decision> = {
  "POST /v1/verifications": "sandbox",
  "POST /v1/verifications/batch": "sandbox",
  "GET /v1/verifications": "sandbox",
  "POST /v1/verifications/search": "sandbox",
  "GET /v1/verifications/{id}": "sandbox",
  "GET /v1/verifications/{id}/events": "sandbox",
  "POST /v1/verifications/{id}/resend": "sandbox",
  "POST /v1/verifications/{id}/cancel": "sandbox",
  "POST /v1/verifications/{id}/approve": "sandbox",
  "POST /v1/verifications/{id}/check": "sandbox",
  "POST /v1/verifications/check": "sandbox",
  "POST /v1/messages": "sandbox",
  "GET /v1/messages": "sandbox",
  "POST /v1/messages/search": "sandbox",
  "GET /v1/messages/{id}": "sandbox",
  "GET /v1/messages/{id}/events": "sandbox",
  "GET /v1/messages/{id}/receipts": "sandbox",
  "PATCH /v1/messages/{id}": "sandbox",
  "POST /v1/messages/{id}/cancel": "sandbox",
  "POST /v1/messages/{id}/retry": "sandbox",
  "POST /v1/messages/{id}/media": "refused",
  "DELETE /v1/messages/{id}": "refused",
  "PUT /v1/messages/{id}/reaction": "refused",
  "DELETE /v1/messages/{id}/reaction": "refused",
  "PUT /v1/messages/{id}/pin": "refused",
  "DELETE /v1/messages/{id}/pin": "refused",
  "PUT /v1/messages/{id}/star": "refused",
  "DELETE /v1/messages/{id}/star": "refused",
  "POST /v1/messages/{id}/forward": "sandbox",
  "POST /v1/messages/{id}/votes": "refused",
  "GET /v1/messages/{id}/votes": "refused",
  "POST /v1/batches": "sandbox",
  "GET /v1/batches": "sandbox",
  "GET /v1/batches/{id}": "sandbox",
  "GET /v1/batches/{id}/messages": "sandbox",
  "GET /v1/batches/{id}/report": "sandbox",
  "POST /v1/batches/{id}/pause": "sandbox",
  "POST /v1/batches/{id}/resume": "sandbox",
  "POST /v1/batches/{id}/cancel": "sandbox",
  "POST /v1/media": "sandbox",
  "GET /v1/media/{id}": "sandbox",
  "GET /v1/media/{id}/content": "sandbox",
  "DELETE /v1/media/{id}": "sandbox",
  // A webhook of a test key gets the events of the sandbox.
  "POST /v1/webhooks": "sandbox",
  "POST /v1/webhooks/{id}/test": "sandbox",
  "GET /v1/webhooks/{id}/deliveries/{deliveryId}": "sandbox",
  "POST /v1/webhooks/{id}/deliveries/{deliveryId}/retry": "sandbox",
  "POST /v1/webhooks/{id}/replay": "sandbox",
  "GET /v1/webhooks/{id}/replays": "sandbox",
  "GET /v1/webhooks/{id}/replays/{replayId}": "sandbox",
  "GET /v1/webhooks": "sandbox",
  "GET /v1/webhooks/{id}": "sandbox",
  "PATCH /v1/webhooks/{id}": "sandbox",
  "DELETE /v1/webhooks/{id}": "sandbox",
  "POST /v1/webhooks/{id}/rotate-secret": "sandbox",
  "GET /v1/webhooks/{id}/stats": "sandbox",
  "GET /v1/webhooks/{id}/deliveries": "sandbox",
  "DELETE /v1/webhooks/{id}/deliveries": "sandbox",
  // Answered by the sandbox itself: WhatsApp is not asked.
  "POST /v1/reachability": "sandbox",
  "POST /v1/keys": "sandbox",
  "GET /v1/keys": "sandbox",
  "GET /v1/keys/{id}": "sandbox",
  "PATCH /v1/keys/{id}": "sandbox",
  "DELETE /v1/keys/{id}": "sandbox",
  "POST /v1/keys/{id}/rotate": "sandbox",
  "GET /v1/audit": "sandbox",
  "GET /v1/events": "sandbox",
  // Numbers have limits of their own in the sandbox.
  "POST /v1/destinations/status": "sandbox",
  "POST /v1/destinations/unlock": "sandbox",
  // Sends of the sandbox use the texts and the policy of live sends.
  "GET /v1/templates": "shared",
  "GET /v1/templates/built-in": "shared",
  "GET /v1/templates/{id}": "shared",
  "POST /v1/templates/preview": "shared",
  "GET /v1/workspace": "shared",
  "POST /v1/templates": "refused",
  "PUT /v1/templates/{id}": "refused",
  "DELETE /v1/templates/{id}": "refused",
  "PATCH /v1/workspace": "refused",
  "POST /v1/sessions": "refused",
  "DELETE /v1/people/{person}": "refused",
  "GET /v1/erasures/{id}": "refused",
  "GET /v1/sessions": "refused",
  "GET /v1/sessions/{id}": "refused",
  "PATCH /v1/sessions/{id}": "refused",
  "DELETE /v1/sessions/{id}": "refused",
  "GET /v1/sessions/{id}/health": "refused",
  "GET /v1/sessions/{id}/events": "refused",
  "GET /v1/sessions/{id}/qr": "refused",
  "POST /v1/sessions/{id}/pairing-code": "refused",
  "POST /v1/sessions/{id}/qr-page": "refused",
  "POST /v1/sessions/{id}/start": "refused",
  "POST /v1/sessions/{id}/stop": "refused",
  "POST /v1/sessions/{id}/restart": "refused",
  "POST /v1/sessions/{id}/logout": "refused",
  "PUT /v1/sessions/{id}/proxy": "refused",
  "DELETE /v1/sessions/{id}/proxy": "refused",
  "GET /v1/sessions/{id}/groups/{groupId}": "refused",
  "GET /v1/sessions/{id}/messages": "refused",
  "POST /v1/sessions/{id}/messages/search": "refused",
  "GET /v1/sessions/{id}/chats": "refused",
  "GET /v1/sessions/{id}/people/{person}": "refused",
  "POST /v1/pools": "refused",
  "GET /v1/pools": "refused",
  "GET /v1/pools/{id}": "refused",
  "PATCH /v1/pools/{id}": "refused",
  "DELETE /v1/pools/{id}": "refused",
  "POST /v1/hooks/supabase": "refused",
  "GET /v1/hooks/supabase": "refused",
  "GET /v1/hooks/supabase/{id}": "refused",
  "PATCH /v1/hooks/supabase/{id}": "refused",
  "DELETE /v1/hooks/supabase/{id}": "refused",
  "POST /v1/alert-channels": "refused",
  "GET /v1/alert-channels": "refused",
  "GET /v1/alert-channels/{id}": "refused",
  "PATCH /v1/alert-channels/{id}": "refused",
  "DELETE /v1/alert-channels/{id}": "refused",
  "POST /v1/alert-channels/{id}/test": "refused",
  "GET /v1/alert-channels/{id}/deliveries": "refused",
  "GET /v1/incidents": "refused",
  "POST /v1/access-rules": "refused",
  "GET /v1/access-rules": "refused",
  "GET /v1/access-rules/{id}": "refused",
  "DELETE /v1/access-rules/{id}": "refused",
  "GET /v1/prefix-guard": "refused",
  "DELETE /v1/prefix-guard/{prefix}": "refused",
  "GET /v1/analytics/summary": "refused",
  "GET /v1/analytics/timeseries": "refused",
  // The operator's token makes workspaces.
  "POST /v1/workspaces": "keyless",
  "GET /.well-known/jwks.json": "keyless",
};

describe("a test key", () => {
  it("has a decision for every route of the API", async () => {
    const routes = (await everyRoute(edge)).map(({ route }) => route);
    expect(Object.keys(decisions).toSorted()).toEqual(routes.toSorted());
  });

  it.each(Object.entries(decisions))("%s: %s", async (route, decision) => {
    const { ids, sender } = await liveResources(edge);
    const bodies = new Map((await everyRoute(edge)).map((each) => [each.route, each.body]));
    const before = await everything(edge, "test = 0");
    const answer = await edge.api(requestOf(route, ids), bodies.get(route), { key });
    await edge.settled();
    expect(answer.status).toBeLessThan(500);
    expect(answer.body.code === "test-keys-not-supported").toBe(decision === "refused");
    const live = decision === "sandbox" ? [...Object.values(ids), sender, "live key"] : [];
    expect(live.filter((text) => answer.text.includes(text))).toEqual([]);
    const after = await everything(edge, "test = 0");
    // A test key may make another, and keep answers for its own repetitions.
    const ofBatches = route === "POST /v1/batches" ? ["batch_item", "job"] : [];
    for (const table of ["api_key", "idempotency", "event", "write_receipt", "webhook_position", ...ofBatches])
      delete before[table];
    expect(after).toMatchObject(before);
  });

  it("lists and reads test keys only", async () => {
    const live = await edge.api<CreatedApiKey>("POST /v1/keys", { name: "live", scopes: ["otp:send"] });
    const made = await edge.api<CreatedApiKey>(
      "POST /v1/keys",
      { name: "mine", environment: "test", scopes: ["otp:send"] },
      { key },
    );
    const list = await edge.api<ApiKeyList>("GET /v1/keys", undefined, { key });
    expect(list.body.keys.map(({ environment }) => environment)).toEqual(["test", "test"]);
    const read = (id: string) => edge.api(`GET /v1/keys/${id}`, undefined, { key });
    expect([(await read(made.body.id)).status, (await read(live.body.id)).body.code]).toEqual([200, "key-not-found"]);
    expect((await edge.api<ApiKeyList>("GET /v1/keys")).body.keys.length).toBe(4);
  });

  it("finds in the audit log what test keys have done and what was done to them", async () => {
    await edge.api("PATCH /v1/workspace", { policy: { maxChecks: 3 } });
    const { body: made } = await edge.api<CreatedApiKey>("POST /v1/keys", {
      name: "theirs",
      environment: "test",
      scopes: ["otp:send"],
    });
    edge.advance(1);
    await edge.api("POST /v1/keys", { name: "live", scopes: ["otp:send"] });
    edge.advance(1);
    await edge.api(`PATCH /v1/keys/${made.id}`, { name: "renamed" }, { key });
    const seen = async (options = {}) =>
      (await edge.api<AuditList>("GET /v1/audit", undefined, options)).body.entries.map(({ action }) => action);
    expect(await seen({ key })).toEqual(["key.updated", "key.created"]);
    expect((await seen()).toSorted()).toEqual(["key.created", "key.created", "key.updated", "workspace.updated"]);
  });

  it("names sessions and pools of its own workspace only, and nothing is stored otherwise", async () => {
    const stranger = await edge.addWorkspace();
    const theirs = await edge.addSession("online", stranger.id);
    const nobodys = "ses_01jd3k9v7hq2w8x5n4b6m0c1ta";
    const text = { to, type: "text", text: "hi" };
    for (const sessionId of [theirs, nobodys]) {
      const message = await edge.api("POST /v1/messages", { ...text, sessionId }, { key });
      const verification = await edge.api("POST /v1/verifications", { to, route: { sessionId } }, { key });
      const batch = await edge.api<{ results: VerificationResult[] }>(
        "POST /v1/verifications/batch",
        { verifications: [{ to, route: { sessionId } }] },
        { key },
      );
      const reachable = await edge.api("POST /v1/reachability", { numbers: [to], sessionId }, { key });
      expect(message.body.errors?.[0]?.pointer).toBe("/sessionId");
      expect(verification.body.errors?.[0]?.pointer).toBe("/route/sessionId");
      expect(batch.body.results.map(({ problem }) => problem?.code)).toEqual(["session-not-found"]);
      for (const { status, body } of [message, verification, reachable]) {
        expect([status, body.code]).toEqual([404, "session-not-found"]);
      }
    }
    const poolId = `pool_${stranger.id.slice(3)}`;
    expect((await edge.api("POST /v1/messages", { ...text, poolId }, { key })).body.code).toBe("pool-not-found");
    const pooled = await edge.api("POST /v1/verifications", { to, route: { poolId } }, { key });
    expect(pooled.body.code).toBe("pool-not-found");
    expect([await edge.count("message"), await edge.count("verification")]).toEqual([0, 0]);
  });

  it("works in the sandbox with a session or pool of its workspace, in any state", async () => {
    const sessionId = await edge.addSession("ended");
    const poolId = `pool_${edge.workspace.id.slice(3)}`;
    for (const route of [{ sessionId }, { poolId }]) {
      const message = await edge.api<Message>("POST /v1/messages", { to, type: "text", text: "hi", ...route }, { key });
      const purpose = Object.keys(route)[0]!.toLowerCase();
      const code = await edge.api("POST /v1/verifications", { to, purpose, route }, { key });
      expect([message.status, message.body.status, code.status]).toEqual([202, "read", 202]);
    }
  });
});
