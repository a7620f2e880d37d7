import { describe, expect, it } from "vitest";
import { everyRoute, liveResources, requestOf } from "./every-route.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));

describe("every operation", () => {
  it("with an id in its path answers 404 for an id of the wrong form, with the code that it documents", async () => {
    const { ids } = await liveResources(edge);
    const wrong = Object.fromEntries(Object.keys(ids).map((name) => [name, "nonsense"]));
    const routes = (await everyRoute(edge)).filter(({ route }) => route.includes("{"));
    expect(routes.length).toBeGreaterThan(25);
    for (const { route, body } of routes) {
      const answer = await edge.api(requestOf(route, wrong), body);
      expect([route, answer.status, answer.body.code]).toEqual([route, 404, expect.stringMatching(/not-found$/)]);
    }
  });

  it("that creates a resource names its address, where it can be read, also for a repeated request", async () => {
    const creates: [path: string, body: object][] = [
      ["/v1/pools", { name: "a" }],
      ["/v1/sessions", { name: "a" }],
      ["/v1/templates", { name: "a", texts: { en: "{{code}}" } }],
      ["/v1/keys", { name: "a", scopes: ["otp:send"] }],
      ["/v1/access-rules", { effect: "block", kind: "country", value: "BR" }],
      ["/v1/hooks/supabase", { name: "a" }],
      ["/v1/webhooks", { url: "https://app.example.com/a", events: ["*"] }],
      ["/v1/alert-channels", { kind: "slack", name: "a", url: "https://hooks.example.com/services/T1/B1/x" }],
    ];
    for (const [path, body] of creates) {
      const create = () => edge.api<{ id: string }>(`POST ${path}`, body, { headers: { "idempotency-key": path } });
      const first = await create();
      const again = await create();
      const location = `${path}/${first.body.id}`;
      expect([first.status, first.headers.get("location")]).toEqual([201, location]);
      expect([again.status, again.headers.get("location")]).toEqual([201, location]);
      expect(again.headers.get("idempotent-replayed")).toBe("true");
      const read = await edge.api<{ id: string }>(`GET ${location}`);
      expect([path, read.status, read.body.id]).toEqual([path, 200, first.body.id]);
    }
    const rotated = await edge.api<{ id: string }>(`POST /v1/keys/${(await aKey()).id}/rotate`, { graceSeconds: 0 });
    expect(rotated.headers.get("location")).toBe(`/v1/keys/${rotated.body.id}`);
  });

  it("that accepts a send names the address where the send can be read", async () => {
    await edge.addSession();
    const sends: [path: string, body: object][] = [
      ["/v1/verifications", { to: "+6281234567890" }],
      ["/v1/messages", { to: "+6281234567890", type: "text", text: "Hi" }],
    ];
    for (const [path, body] of sends) {
      const { status, headers } = await edge.api(`POST ${path}`, body);
      const read = await edge.api<{ id: string }>(`GET ${headers.get("location")}`);
      expect([path, status, read.status, headers.get("location")]).toEqual([path, 202, 200, `${path}/${read.body.id}`]);
    }
  });

  it("that lists by pages names the next page exactly if there is one", async () => {
    for (let i = 0; i < 3; i++) await aKey();
    const all = (await page("limit=4")).body;
    expect([all.keys.length, all.nextCursor]).toEqual([4, null]);
    const first = (await page("limit=2")).body;
    expect(first).toEqual({ keys: all.keys.slice(0, 2), nextCursor: all.keys[1]?.id });
    const second = (await page(`limit=2&cursor=${first.nextCursor}`)).body;
    expect(second).toEqual({ keys: all.keys.slice(2), nextCursor: null });
  });
});

const aKey = async () => (await edge.api<{ id: string }>("POST /v1/keys", { name: "k", scopes: ["otp:send"] })).body;

const page = (query: string) =>
  edge.api<{ keys: { id: string }[]; nextCursor: string | null }>(`GET /v1/keys?${query}`);
