import { errors, type Verification } from "@sandi/contracts";
import { describe, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { to, unknown } from "./public-routes.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));

describe("a wrong field", () => {
  it.each([
    ["/to", { to: "081234567890" }],
    ["/to", { to: "6281234567890" }],
    ["/to", { to: "+6281234567890;ext=12" }],
    ["/to", { to: "+999123456789" }],
    ["/to", { to: "+62812" }],
    ["/to", { to: "+551134567" }],
    ["/to", { to: "" }],
    ["/purpose", { purpose: "Log In" }],
    ["/companyName", { companyName: "{{code}}" }],
    ["/companyName", { companyName: "a\u0000b" }],
    ["/expiresIn", { expiresIn: 59 }],
    ["/expiresIn", { expiresIn: 601 }],
    ["/expiresIn", { expiresIn: "300" }],
    ["/metadata/userId", { metadata: { userId: 1 } }],
    ["/metadata", { metadata: Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`k${i}`, "v"])) }],
    ["/route/sessionId", { route: { sessionId: "ses_1" } }],
    ["/route/extra", { route: { sessionId: unknown("ses"), extra: 1 } }],
  ])("%s of a verification is named: %j", async (pointer, input) => {
    await edge.addSession();
    const { status, body, text } = await edge.api("POST /v1/verifications", { to, ...input });
    expect([status, body.code, body.errors?.map((each) => each.pointer)]).toEqual([400, "invalid-request", [pointer]]);
    expect(text).not.toMatch(/sqlite|zod|\.ts:|regex/i);
    expect(await edge.count("verification")).toBe(0);
  });

  it("of a code is named, and costs no attempt", async () => {
    await edge.addSession();
    const { body } = await edge.api<Verification>("POST /v1/verifications", { to });
    for (const code of ["12345*6", "123", 123456, null, "12345678901"]) {
      const answer = await edge.api(`POST /v1/verifications/${body.id}/check`, { code });
      expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([400, "/code"]);
    }
    const found = await edge.api<Verification>(`GET /v1/verifications/${body.id}`);
    expect(found.body.attemptsLeft).toBe(5);
  });
});

describe("every answer", () => {
  it("carries its own request id and the security headers", async () => {
    const answers = [
      await edge.api("GET /v1/sessions", undefined, { headers: { "x-request-id": "req_mine" } }),
      await edge.api("GET /nothing"),
      await edge.api("GET /health", undefined, { key: null }),
      await edge.api("GET /", undefined, { key: null, headers: { accept: "text/html" } }),
    ];
    for (const { headers } of answers) {
      expect(headers.get("x-request-id")).toMatch(/^req_[0-9a-z]{26}$/);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("strict-transport-security")).toContain("max-age=");
      expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
      expect(headers.get("cache-control")).toBe("no-store");
    }
    expect(answers[1]?.body.requestId).toBe(answers[1]?.headers.get("x-request-id"));
  });

  it("that is a problem has the shape of RFC 9457 and a page that explains it", async () => {
    const { headers, body, status } = await edge.api("GET /nothing");
    expect([status, headers.get("content-type")]).toEqual([404, "application/problem+json"]);
    expect(body).toMatchObject({
      type: "https://api.test/problems/not-found",
      title: "There is nothing at this address",
      status: 404,
      retryable: false,
    });
    for (const [code, { status: of, ...error }] of Object.entries(errors)) {
      const json = await edge.api(`GET /problems/${code}`, undefined, { key: null });
      // Waiting is enough after a limit and after a fault of ours.
      const isRetryable = of === 429 || of >= 500 || "retryable" in error;
      expect([json.status, json.body.code, json.body.retryable]).toEqual([200, code, isRetryable]);
      const html = await edge.api(`GET /problems/${code}`, undefined, { key: null, headers: { accept: "text/html" } });
      expect(html.headers.get("content-type")).toContain("text/html");
    }
    expect((await edge.api("GET /problems/toString", undefined, { key: null })).status).toBe(404);
  });

  it("to a method that an address does not take is 405 with Allow; OPTIONS and HEAD make sense", async () => {
    const put = await edge.api("PUT /v1/sessions", {});
    expect([put.status, put.headers.get("allow")]).toEqual([405, "GET, HEAD, OPTIONS, POST"]);
    const one = await edge.api(`PUT /v1/sessions/${unknown("ses")}`, {});
    expect([one.status, one.headers.get("allow")]).toEqual([405, "DELETE, GET, HEAD, OPTIONS, PATCH"]);
    const options = await edge.api("OPTIONS /v1/verifications", undefined, { key: null });
    expect([options.status, options.headers.get("allow")]).toEqual([204, "GET, HEAD, OPTIONS, POST"]);
    const head = await edge.api("HEAD /health", undefined, { key: null });
    expect([head.status, head.text]).toEqual([200, ""]);
    expect((await edge.api("GET /internal/events")).status).toBe(405);
  });
});

describe("an API key", () => {
  it("is looked up once a minute, refused a minute after it was revoked, and notes its use", async () => {
    edge.calls.database = 0;
    for (let i = 0; i < 3; i++) await edge.api("GET /v1/sessions");
    await edge.settled();
    expect(edge.calls.database).toBe(3 + 1 + 1);
    expect(await edge.rows("SELECT last_used_at FROM api_key")).toEqual([
      { last_used_at: edge.services.now().getTime() },
    ]);
    await edge.client.execute("UPDATE api_key SET revoked_at = 1");
    edge.advance(60_000);
    expect((await edge.api("GET /v1/sessions")).status).toBe(401);
  });
});
