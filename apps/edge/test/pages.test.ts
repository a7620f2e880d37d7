import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Edge, startEdge } from "./harness.ts";

let edge: Edge;

beforeEach(async () => {
  edge = await startEdge();
});
afterEach(async () => {
  await edge.settled();
  edge.close();
});

const open = (path: string) => edge.api(`GET ${path}`, undefined, { key: null, headers: { accept: "text/html" } });

describe("the reference", () => {
  it("sends to where it was opened, while the document names the public address", async () => {
    const { text } = await open("/docs");
    expect(text).toContain("servers: [{ url: location.origin }]");
    const { body } = await edge.api("GET /openapi.json", undefined, { key: null });
    expect(body["servers"]).toEqual([{ url: "https://api.test" }]);
  });

  it("fills in requests that are accepted as they are", async () => {
    type Operation = {
      parameters?: { in: string; example?: unknown; schema: object }[];
      requestBody?: { content: { "application/json": { example: Record<string, unknown> } } };
    };
    const { body } = await edge.api<{ paths: Record<string, Record<string, Operation>> }>("GET /openapi.json");
    const sessionId = await edge.addSession();
    for (const path of ["/v1/verifications", "/v1/sessions", "/v1/messages"]) {
      const { post } = body.paths[path] ?? {};
      expect(JSON.stringify(post?.parameters?.filter((each) => each.in === "header"))).not.toContain('"example"');
      const example = post?.requestBody?.content["application/json"].example ?? {};
      const input = "sessionId" in example ? { ...example, sessionId } : example;
      expect((await edge.api(`POST ${path}`, input)).status).toBeLessThan(300);
    }
  });
});
