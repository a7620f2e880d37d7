import { describe, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));

const open = (path: string) => edge.api(`GET ${path}`, undefined, { key: null, headers: { accept: "text/html" } });

describe("the reference", () => {
  it("sends to where it was opened, while the document names the public address", async () => {
    const { text } = await open("/docs");
    expect(text).toContain("servers: [{ url: location.origin }]");
    const { body } = await edge.api("GET /openapi.json", undefined, { key: null });
    expect(body["servers"]).toMatchObject([{ url: "https://api.test" }]);
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

describe("in a browser", () => {
  it.each([
    ["/nothing", 404, "There is nothing at this address"],
    ["/problems/nothing", 404, "There is nothing at this address"],
    ["/v1/sessions", 401, "An API key is needed"],
    ["/v1/sessions/ses_01jd3k9v7hq2w8x5n4b6m0c1ta/qr-page?signature=x", 403, "Ask for a new link."],
    ["/problems/", 200, "verification-expired"],
    ["/problems/code-incorrect", 200, "while <code>attemptsLeft</code> is above zero"],
    ["/problems/code-incorrect/", 200, "while <code>attemptsLeft</code> is above zero"],
    ["/docs/", 200, "Scalar.createApiReference"],
    ["/", 200, "Bearer $KEY"],
  ])("%s is a page", async (path, status, text) => {
    const answer = await open(path);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([status, "text/html; charset=UTF-8"]);
    expect(answer.text).toContain(text);
    expect(answer.headers.get("content-security-policy")).toContain("nonce-");
    expect(answer.headers.get("x-request-id")).toMatch(/^req_/);
  });

  it("a detail does not become markup", async () => {
    const { text } = await open("/v1/verifications/<b>x");
    expect(text).not.toContain("<b>x");
  });

  it("what is not a page stays what it is: for programs, and for other methods", async () => {
    const type = "application/problem+json";
    const program = await edge.api("GET /nothing", undefined, { headers: { accept: "*/*" } });
    const post = await edge.api("POST /v1/sessions", {}, { headers: { accept: "text/html" } });
    expect([program, post].map(({ headers }) => headers.get("content-type"))).toEqual([type, type]);
  });
});
