import { errors, type Verification } from "@sandi/contracts";
import { describe, expect, it } from "vitest";
import { type Edge, startEdge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
const to = "+6281234567890";
const unknown = (prefix: string) => `${prefix}_01jd3k9v7hq2w8x5n4b6m0c1ta`;

const tables = ["verification", "message", "session", "idempotency", "destination_budget"];
const counts = () => Promise.all(tables.map((table) => edge.count(table)));

const template = { name: "a", texts: { en: "{{code}}" } };

/** Every public route that wants a key: with ids of nobody, and a body that fits. */
const routes: [request: string, body: unknown, scope: string, resource: string | null][] = [
  ["POST /v1/verifications", { to }, "otp:send", null],
  [`GET /v1/verifications/${unknown("ver")}`, undefined, "otp:send or otp:check", "verification-not-found"],
  [`POST /v1/verifications/${unknown("ver")}/check`, { code: "123456" }, "otp:check", "verification-not-found"],
  ["POST /v1/verifications/batch", { verifications: [{ to }] }, "otp:send", null],
  ["GET /v1/verifications", undefined, "otp:send or otp:check", null],
  ["POST /v1/verifications/search", { to }, "otp:send or otp:check", null],
  ["POST /v1/verifications/check", { to, code: "123456" }, "otp:check", null],
  [`GET /v1/verifications/${unknown("ver")}/events`, undefined, "otp:send or otp:check", "verification-not-found"],
  [`POST /v1/verifications/${unknown("ver")}/resend`, undefined, "otp:send", "verification-not-found"],
  [`POST /v1/verifications/${unknown("ver")}/approve`, { reason: "seen" }, "otp:approve", "verification-not-found"],
  ["POST /v1/reachability", { numbers: [to] }, "lookup:read", null],
  [`POST /v1/verifications/${unknown("ver")}/cancel`, undefined, "otp:send", "verification-not-found"],
  [
    "POST /v1/messages",
    { sessionId: unknown("ses"), to, type: "text", text: "hi" },
    "message:send",
    "session-not-found",
  ],
  ["GET /v1/messages", undefined, "message:send or message:read", null],
  ["POST /v1/messages/search", { to }, "message:send or message:read", null],
  [`GET /v1/messages/${unknown("msg")}`, undefined, "message:send or message:read", "message-not-found"],
  [`GET /v1/messages/${unknown("msg")}/events`, undefined, "message:send or message:read", "message-not-found"],
  [`GET /v1/messages/${unknown("msg")}/receipts`, undefined, "message:read", "message-not-found"],
  [`PATCH /v1/messages/${unknown("msg")}`, { metadata: {} }, "message:send", "message-not-found"],
  [`POST /v1/messages/${unknown("msg")}/cancel`, undefined, "message:send", "message-not-found"],
  [`POST /v1/messages/${unknown("msg")}/retry`, undefined, "message:send", "message-not-found"],
  [`POST /v1/messages/${unknown("msg")}/media`, undefined, "message:read", "message-not-found"],
  [`DELETE /v1/messages/${unknown("msg")}?for=everyone`, undefined, "message:send", "message-not-found"],
  [`PUT /v1/messages/${unknown("msg")}/reaction`, { emoji: "👍" }, "message:send", "message-not-found"],
  [`DELETE /v1/messages/${unknown("msg")}/reaction`, undefined, "message:send", "message-not-found"],
  [`PUT /v1/messages/${unknown("msg")}/pin`, { seconds: 86_400 }, "message:send", "message-not-found"],
  [`DELETE /v1/messages/${unknown("msg")}/pin`, undefined, "message:send", "message-not-found"],
  [`PUT /v1/messages/${unknown("msg")}/star`, undefined, "message:send", "message-not-found"],
  [`DELETE /v1/messages/${unknown("msg")}/star`, undefined, "message:send", "message-not-found"],
  [`POST /v1/messages/${unknown("msg")}/forward`, { to }, "message:send", "message-not-found"],
  [`POST /v1/messages/${unknown("msg")}/votes`, { options: [] }, "message:send", "message-not-found"],
  [`GET /v1/messages/${unknown("msg")}/votes`, undefined, "message:read", "message-not-found"],
  [
    "POST /v1/batches",
    { messages: [{ to, type: "text", text: "hi" }], sessionId: unknown("ses") },
    "message:send",
    "session-not-found",
  ],
  ["GET /v1/batches", undefined, "message:send or message:read", null],
  [`GET /v1/batches/${unknown("bat")}`, undefined, "message:send or message:read", "batch-not-found"],
  [`GET /v1/batches/${unknown("bat")}/messages`, undefined, "message:send or message:read", "batch-not-found"],
  [`GET /v1/batches/${unknown("bat")}/report`, undefined, "message:send or message:read", "batch-not-found"],
  [`POST /v1/batches/${unknown("bat")}/pause`, undefined, "message:send", "batch-not-found"],
  [`POST /v1/batches/${unknown("bat")}/resume`, undefined, "message:send", "batch-not-found"],
  [`POST /v1/batches/${unknown("bat")}/cancel`, undefined, "message:send", "batch-not-found"],
  ["POST /v1/media", { any: "file" }, "message:send", null],
  [`GET /v1/media/${unknown("med")}`, undefined, "message:read or message:send", "media-not-found"],
  [`GET /v1/media/${unknown("med")}/content`, undefined, "message:read or message:send", "media-not-found"],
  [`DELETE /v1/media/${unknown("med")}`, undefined, "message:send", "media-not-found"],
  ["POST /v1/alert-channels", { name: "a", kind: "slack", url: "https://hooks.example.com/a" }, "webhook:manage", null],
  ["GET /v1/alert-channels", undefined, "webhook:manage", null],
  [`GET /v1/alert-channels/${unknown("alc")}`, undefined, "webhook:manage", "alert-channel-not-found"],
  [`PATCH /v1/alert-channels/${unknown("alc")}`, { name: "a" }, "webhook:manage", "alert-channel-not-found"],
  [`DELETE /v1/alert-channels/${unknown("alc")}`, undefined, "webhook:manage", "alert-channel-not-found"],
  [`POST /v1/alert-channels/${unknown("alc")}/test`, undefined, "webhook:manage", "alert-channel-not-found"],
  [`GET /v1/alert-channels/${unknown("alc")}/deliveries`, undefined, "webhook:manage", "alert-channel-not-found"],
  ["POST /v1/webhooks", { url: "https://app.example.com/a", events: ["*"] }, "webhook:manage", null],
  ["GET /v1/webhooks", undefined, "webhook:manage", null],
  [`GET /v1/webhooks/${unknown("whe")}`, undefined, "webhook:manage", "webhook-not-found"],
  [`PATCH /v1/webhooks/${unknown("whe")}`, { events: ["*"] }, "webhook:manage", "webhook-not-found"],
  [`DELETE /v1/webhooks/${unknown("whe")}`, undefined, "webhook:manage", "webhook-not-found"],
  [`POST /v1/webhooks/${unknown("whe")}/rotate-secret`, {}, "webhook:manage", "webhook-not-found"],
  [`POST /v1/webhooks/${unknown("whe")}/test`, undefined, "webhook:manage", "webhook-not-found"],
  [
    `POST /v1/webhooks/${unknown("whe")}/replay`,
    { createdAfter: "2026-11-21T05:00:00.000Z", createdBefore: "2026-11-21T08:00:00.000Z" },
    "webhook:manage",
    "webhook-not-found",
  ],
  [`GET /v1/webhooks/${unknown("whe")}/replays/${unknown("rpl")}`, undefined, "webhook:manage", "webhook-not-found"],
  [`GET /v1/webhooks/${unknown("whe")}/deliveries/${unknown("dlv")}`, undefined, "webhook:manage", "webhook-not-found"],
  [
    `POST /v1/webhooks/${unknown("whe")}/deliveries/${unknown("dlv")}/retry`,
    undefined,
    "webhook:manage",
    "webhook-not-found",
  ],
  [`GET /v1/webhooks/${unknown("whe")}/replays`, undefined, "webhook:manage", "webhook-not-found"],
  [`GET /v1/webhooks/${unknown("whe")}/stats`, undefined, "webhook:manage", "webhook-not-found"],
  [`GET /v1/webhooks/${unknown("whe")}/deliveries`, undefined, "webhook:manage", "webhook-not-found"],
  [
    `DELETE /v1/webhooks/${unknown("whe")}/deliveries?createdBefore=2026-11-21T08:00:00.000Z`,
    undefined,
    "webhook:manage",
    "webhook-not-found",
  ],
  ["GET /v1/incidents", undefined, "webhook:manage or session:manage", null],
  ["POST /v1/pools", { name: "a" }, "session:manage", null],
  ["GET /v1/pools", undefined, "session:manage", null],
  [`GET /v1/pools/${unknown("pool")}`, undefined, "session:manage", "pool-not-found"],
  [`PATCH /v1/pools/${unknown("pool")}`, { name: "a" }, "session:manage", "pool-not-found"],
  [`DELETE /v1/pools/${unknown("pool")}`, undefined, "session:manage", "pool-not-found"],
  ["POST /v1/sessions", { name: "a" }, "session:manage", null],
  ["GET /v1/sessions", undefined, "session:manage", null],
  [`GET /v1/sessions/${unknown("ses")}`, undefined, "session:manage", "session-not-found"],
  [`DELETE /v1/sessions/${unknown("ses")}`, undefined, "session:manage", "session-not-found"],
  [`POST /v1/sessions/${unknown("ses")}/restart`, undefined, "session:manage", "session-not-found"],
  [`POST /v1/sessions/${unknown("ses")}/start`, undefined, "session:manage", "session-not-found"],
  [`POST /v1/sessions/${unknown("ses")}/stop`, undefined, "session:manage", "session-not-found"],
  [`PATCH /v1/sessions/${unknown("ses")}`, { name: "a" }, "session:manage", "session-not-found"],
  [`GET /v1/sessions/${unknown("ses")}/health`, undefined, "session:manage", "session-not-found"],
  [`GET /v1/sessions/${unknown("ses")}/events`, undefined, "session:manage", "session-not-found"],
  [`PUT /v1/sessions/${unknown("ses")}/proxy`, { url: "http://a.example" }, "session:manage", "session-not-found"],
  [`DELETE /v1/sessions/${unknown("ses")}/proxy`, undefined, "session:manage", "session-not-found"],
  [`POST /v1/sessions/${unknown("ses")}/logout`, undefined, "session:manage", "session-not-found"],
  [`GET /v1/sessions/${unknown("ses")}/qr`, undefined, "session:manage", "session-not-found"],
  [`POST /v1/sessions/${unknown("ses")}/pairing-code`, { phone: to }, "session:manage", "session-not-found"],
  [`POST /v1/sessions/${unknown("ses")}/qr-page`, undefined, "session:manage", "session-not-found"],
  [`GET /v1/sessions/${unknown("ses")}/groups/120363025246125486@g.us`, undefined, "group:manage", "session-not-found"],
  [`GET /v1/sessions/${unknown("ses")}/messages`, undefined, "message:read", "session-not-found"],
  [`POST /v1/sessions/${unknown("ses")}/messages/search`, { q: "a" }, "message:read", "session-not-found"],
  [`GET /v1/sessions/${unknown("ses")}/chats`, undefined, "message:read", "session-not-found"],
  [`GET /v1/sessions/${unknown("ses")}/people/100000@lid`, undefined, "message:read", "session-not-found"],
  ["POST /v1/templates", template, "key:manage", null],
  ["GET /v1/templates", undefined, "otp:send or key:manage", null],
  ["GET /v1/templates/built-in", undefined, "otp:send or key:manage", null],
  ["POST /v1/templates/preview", {}, "otp:send or key:manage", null],
  [`GET /v1/templates/${unknown("tpl")}`, undefined, "otp:send or key:manage", "template-not-found"],
  [`PUT /v1/templates/${unknown("tpl")}`, template, "key:manage", "template-not-found"],
  [`DELETE /v1/templates/${unknown("tpl")}`, undefined, "key:manage", "template-not-found"],
  ["GET /v1/analytics/summary", undefined, "analytics:read", null],
  ["GET /v1/analytics/timeseries", undefined, "analytics:read", null],
  ["POST /v1/keys", { name: "a", scopes: ["otp:send"] }, "key:manage", null],
  ["GET /v1/keys", undefined, "key:manage", null],
  [`GET /v1/keys/${unknown("key")}`, undefined, "key:manage", "key-not-found"],
  [`PATCH /v1/keys/${unknown("key")}`, { name: "a" }, "key:manage", "key-not-found"],
  [`DELETE /v1/keys/${unknown("key")}`, undefined, "key:manage", "key-not-found"],
  [`POST /v1/keys/${unknown("key")}/rotate`, { graceSeconds: 1 }, "key:manage", "key-not-found"],
  ["GET /v1/workspace", undefined, "key:manage", null],
  ["PATCH /v1/workspace", { name: "a" }, "key:manage", null],
  ["POST /v1/hooks/supabase", { name: "a" }, "key:manage", null],
  ["GET /v1/hooks/supabase", undefined, "key:manage", null],
  [`GET /v1/hooks/supabase/${unknown("hook")}`, undefined, "key:manage", "hook-not-found"],
  [`PATCH /v1/hooks/supabase/${unknown("hook")}`, { name: "a" }, "key:manage", "hook-not-found"],
  [`DELETE /v1/hooks/supabase/${unknown("hook")}`, undefined, "key:manage", "hook-not-found"],
  ["GET /v1/audit", undefined, "key:manage", null],
  [`DELETE /v1/people/${unknown("per")}`, undefined, "data:erase", null],
  [`GET /v1/erasures/${unknown("era")}`, undefined, "data:erase", "erasure-not-found"],
  ["POST /v1/access-rules", { effect: "block", kind: "country", value: "ID" }, "key:manage", null],
  ["GET /v1/access-rules", undefined, "key:manage", null],
  [`GET /v1/access-rules/${unknown("rul")}`, undefined, "key:manage", "access-rule-not-found"],
  [`DELETE /v1/access-rules/${unknown("rul")}`, undefined, "key:manage", "access-rule-not-found"],
  ["POST /v1/destinations/status", { to }, "key:manage", null],
  ["POST /v1/destinations/unlock", { to }, "key:manage", null],
  ["GET /v1/prefix-guard", undefined, "key:manage", null],
  ["DELETE /v1/prefix-guard/6281234", undefined, "key:manage", "not-found"],
];
/** Those that want something else, or nothing. */
const keyless = ["GET /.well-known/jwks.json", "POST /v1/workspaces"];
/** What a test key may not touch. */
const ofLiveSide = [
  /(people|erasures)/,
  /^\w+ \/v1\/(sessions|pools|hooks|alert-channels|incidents|access-rules|prefix-guard|analytics)/,
  /^(PUT|DELETE) \/v1\/templates|^POST \/v1\/templates$/,
  /^PATCH \/v1\/workspace/,
  /^DELETE \/v1\/messages|\/(reaction|pin|star|votes)$/,
  /^POST \/v1\/messages\/\w+\/media$/,
];
/** Bytes that its body may have: many verifications take more, and a message may hold a file. */
const limitOf = (request: string) =>
  (request === "POST /v1/messages"
    ? 128
    : request === "POST /v1/batches"
      ? 32
      : /\/batch$|^PATCH \/v1\/messages/.test(request)
        ? 8
        : 1) * 65_536;
// Any body is a file.
const withBody = routes.filter(([request, body]) => body !== undefined && request !== "POST /v1/media");
/** Of an alert channel the other fields are named once its kind is known. */
const withFields = withBody.filter(([request]) => request !== "POST /v1/alert-channels");

describe("every route", () => {
  it.each(routes)("%s refuses a missing, malformed, unknown, revoked and expired key", async (request, body) => {
    const { id } = edge.workspace;
    const bad = [
      null,
      "nonsense",
      `${edge.workspace.key.slice(0, -1)}${edge.workspace.key.endsWith("0") ? "1" : "0"}`,
      await edge.addKey(id, undefined, { revokedAt: 1 }),
      await edge.addKey(id, undefined, { expiresAt: edge.services.now().getTime() }),
    ];
    const stranger = await startEdge();
    bad.push(stranger.workspace.key);
    stranger.close();
    const before = await counts();
    for (const key of bad) {
      const answer = await edge.api(request, body, { key });
      expect([answer.status, answer.body.code]).toEqual([401, "unauthenticated"]);
      expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    }
    expect(await counts()).toEqual(before);
  });

  it.each(routes)(
    "%s with a test key reaches no connector and leaves the live side as it is",
    async (request, body) => {
      await edge.addSession("pairing");
      const key = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
      let asked = 0;
      edge.connector = () => {
        asked++;
        return undefined;
      };
      const before = await edge.rows("SELECT * FROM session");
      const { status, body: answer } = await edge.api(request, body, { key });
      await edge.settled();
      expect(status).toBeLessThan(500);
      expect(answer.code === "test-keys-not-supported").toBe(ofLiveSide.some((pattern) => pattern.test(request)));
      expect([await edge.rows("SELECT * FROM session"), edge.jobs, asked]).toEqual([before, [], 0]);
      expect(await edge.rows("SELECT id FROM message WHERE test = 0")).toEqual([]);
    },
  );

  it.each(routes)("%s names the scope that a key lacks", async (request, body, scope) => {
    const key = await edge.addKey(edge.workspace.id, ["otp:reveal"]);
    const answer = await edge.api(request, body, { key });
    expect([answer.status, answer.body.detail]).toEqual([403, `The key needs the scope ${scope}.`]);
  });

  it.each(routes.filter(([, , , resource]) => resource !== null))(
    "%s finds neither nobody's ids, nor ids of the wrong form, nor another workspace's",
    async (request, body, _, resource) => {
      const stranger = await edge.addWorkspace();
      const session = await edge.addSession("online", stranger.id);
      const { body: verification } = await edge.api<Verification>(
        "POST /v1/verifications",
        { to },
        { key: stranger.key },
      );
      const { body: message } = await edge.api<{ id: string }>(
        "POST /v1/messages",
        { sessionId: session, to, type: "text", text: "hi" },
        { key: stranger.key },
      );
      await edge.settled();
      const before = await Promise.all(tables.map((table) => edge.rows(`SELECT * FROM ${table}`)));
      const theirs = { ver: verification.id, ses: session, msg: message.id, pool: `pool_${stranger.id.slice(3)}` };
      const foreign = (text: string) =>
        text.replaceAll(
          /(ver|ses|msg|pool|tpl)_01jd3k9v7hq2w8x5n4b6m0c1ta/g,
          (_match, prefix: "ver") => theirs[prefix],
        );
      const foreignBody = body === undefined ? undefined : JSON.parse(foreign(JSON.stringify(body)));
      const answers = [await edge.api(request, body), await edge.api(foreign(request), foreignBody)];
      if (request.includes("_")) answers.push(await edge.api(request.replace(/[0-9a-z]{26}/, "x'--"), body));
      for (const answer of answers) expect([answer.status, answer.body.code]).toEqual([404, resource]);
      expect(await Promise.all(tables.map((table) => edge.rows(`SELECT * FROM ${table}`)))).toEqual(before);
    },
  );

  it.each(withBody)("%s refuses a body that is no JSON, of another type, empty, or too large", async (request) => {
    const before = await counts();
    const answers = [
      await edge.api(request, "{"),
      await edge.api(request, "{}", { headers: { "content-type": "text/plain" } }),
      await edge.api(request, undefined, { headers: { "content-type": "application/json" } }),
      await edge.api(request, { text: "x".repeat(limitOf(request)) }),
    ];
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual([
      [400, "invalid-json"],
      [415, "unsupported-media-type"],
      [400, "invalid-json"],
      [413, "payload-too-large"],
    ]);
    expect(await counts()).toEqual(before);
  });

  it.each([
    ["that is valid", `{"to":"${to}"}`, 200],
    ["that is empty", "", 400],
    ["that is not UTF-8", new Uint8Array([0x22, 0xff, 0x22]), 400],
    ["that begins with a byte order mark", `\ufeff{"to":"${to}"}`, 200],
    ["with characters of several bytes", `{"to":"${to}","é€😀":1}`, 400],
  ])("answers a body %s in the same way with and without a Content-Length", async (_what, text, status) => {
    const send = async (headers: Record<string, string>) => {
      const request = new Request("https://api.test/v1/verifications/search", {
        method: "POST",
        headers: { authorization: `Bearer ${edge.workspace.key}`, "content-type": "application/json", ...headers },
        body: text,
      });
      const response = await edge.fetch(request);
      return { ...(await response.json<object>()), status: response.status, requestId: "" };
    };
    const announced = await send({ "content-length": String(new Blob([text]).size) });
    expect(announced.status).toBe(status);
    expect(await send({})).toEqual(announced);
  });

  it.each([
    ...withBody.map(([request]) => [request, "without a Content-Length", {}] as const),
    ["POST /v1/verifications", "in chunks", { "content-length": "2", "transfer-encoding": "chunked" }] as const,
  ])("%s stops reading 10 MB %s at the cap", async (request, _how, headers) => {
    const [method = "", path = ""] = request.split(" ");
    let read = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        read += 16_384;
        if (read > 10_000_000) controller.close();
        else controller.enqueue(new Uint8Array(16_384).fill(0x20));
      },
    });
    const response = await edge.fetch(
      new Request(`https://api.test${path}`, {
        method,
        headers: { authorization: `Bearer ${edge.workspace.key}`, "content-type": "application/json", ...headers },
        body: endless,
        duplex: "half",
      } as RequestInit),
    );
    expect(response.status).toBe(413);
    expect(read).toBeLessThan(limitOf(request) + 140_000);
  });

  // What is within a template is looked at in its own tests; of a change and a search every field may be missing.
  it.each(withFields.filter(([request]) => !/\/v1\/templates|^PATCH|\/rotate(-secret)?$|\/search$/.test(request)))(
    "%s names every field that is missing, of the wrong type, or unknown",
    async (request, body) => {
      const before = await counts();
      // The fields of a message are known once its type is.
      const { type } = body as { type?: string };
      const known = type === undefined ? {} : { type };
      const fields = Object.keys(body as object).filter((field) => !(field in known));
      const missing = await edge.api(request, known);
      expect(missing.status).toBe(400);
      expect(missing.body.errors?.map(({ pointer }) => pointer).sort()).toEqual(
        // A message need not say who sends it.
        fields.flatMap((field) => (field === "sessionId" ? [] : [`/${field}`])).sort(),
      );
      const odd = Object.fromEntries(fields.map((field) => [field, { $gt: "" }]));
      const wrongTypes = await edge.api(request, { ...odd, ...known });
      expect(wrongTypes.body.errors?.map(({ pointer }) => pointer).sort()).toEqual(
        fields.map((field) => `/${field}`).sort(),
      );
      for (const none of type === undefined ? [] : [{}, { type: "fax" }]) {
        expect((await edge.api(request, none)).body.errors?.map(({ pointer }) => pointer)).toEqual(["/type"]);
      }
      const extra = await edge.api(request, { ...(body as object), admin: true, "a/b": 1 });
      expect(extra.status).toBe(400);
      expect(extra.body.errors).toEqual([
        { pointer: "/admin", message: "is not a known field" },
        { pointer: "/a~1b", message: "is not a known field" },
      ]);
      for (const other of [null, [], "x", 1, true])
        expect((await edge.api(request, JSON.stringify(other))).status).toBe(400);
      expect(await counts()).toEqual(before);
    },
  );
});

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

describe("openapi.json", () => {
  interface Document {
    openapi: string;
    paths: Record<
      string,
      Record<string, { operationId: string; responses: Record<string, unknown>; security: unknown }>
    >;
    components: { schemas: Record<string, unknown>; securitySchemes: Record<string, unknown> };
  }
  const read = async () => (await edge.api<Document>("GET /openapi.json", undefined, { key: null })).body;

  it("describes every public route with its problems, and nothing internal", async () => {
    const { openapi, paths, components } = await read();
    expect(openapi).toBe("3.1.0");
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const expected = routes.map(([request]) =>
      request
        .replace(/\/(ver|ses|msg|med|bat|tpl|key|rul|hook|pool|alc|era|whe)_[0-9a-z]+/, "/{id}")
        .replace(/\/per_[0-9a-z]+/, "/{person}")
        .replace(/\/dlv_[0-9a-z]+/, "/{deliveryId}")
        .replace(/\/rpl_[0-9a-z]+/, "/{replayId}")
        .replace("/6281234", "/{prefix}")
        .replace("/120363025246125486@g.us", "/{groupId}")
        .replace("/100000@lid", "/{person}")
        .replace(/\?.*/, ""),
    );
    expect(described.toSorted()).toEqual([...expected, ...keyless].toSorted());
    for (const [path, methods] of Object.entries(paths)) {
      for (const { responses, security } of Object.values(methods)) {
        if (keyless.some((each) => each.endsWith(` ${path}`))) continue;
        expect(Object.keys(responses)).toEqual(expect.arrayContaining(["401", "403", "500", "503"]));
        expect(security).toEqual([{ apiKey: [] }]);
      }
    }
    expect(Object.keys(components.schemas)).toEqual(
      expect.arrayContaining(["CreateVerification", "Verification", "Message", "Session", "Problem"]),
    );
    expect(components.securitySchemes).toHaveProperty("apiKey");
  });

  it("offers an Idempotency-Key on every route that changes something", async () => {
    const { paths } = (await read()) as unknown as {
      paths: Record<string, Record<string, { parameters?: { name: string }[] }>>;
    };
    const without = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(([method]) => method !== "get")
        .filter(([, { parameters }]) => !parameters?.some(({ name }) => name.toLowerCase() === "idempotency-key"))
        .map(([method]) => `${method} ${path}`),
    );
    // These look only, and the operator's token works once in any case.
    expect(without.toSorted()).toEqual([
      "post /v1/destinations/status",
      "post /v1/messages/search",
      "post /v1/sessions/{id}/messages/search",
      "post /v1/templates/preview",
      "post /v1/verifications/search",
      "post /v1/workspaces",
    ]);
  });

  it("names the scope of every route that takes a key", async () => {
    const { paths } = (await read()) as unknown as {
      paths: Record<string, Record<string, { description: string; security: object[] }>>;
    };
    const all = Object.values(paths).flatMap((methods) => Object.values(methods));
    const keyed = all.filter(({ security }) => security.some((scheme) => "apiKey" in scheme));
    expect(keyed.length).toBeGreaterThan(50);
    for (const { description } of keyed) expect(description).toMatch(/ Scope: `[a-z:]+`( or `[a-z:]+`)*\.$/);
  });

  it("has unique operation ids and no reference that leads nowhere", async () => {
    const document = await read();
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map((each) => each.operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map((match) => match[1] ?? "");
    expect(references.length).toBeGreaterThan(20);
    for (const reference of references) {
      const target = reference.split("/").reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], document);
      expect([reference, target]).not.toContain(undefined);
    }
  });
});
