import { OpenAPIHono } from "@hono/zod-openapi";
import { defineRpc, ofWhatsApp, SessionId } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { gateway } from "../src/gateway/gateway.ts";
import type { AppEnv } from "../src/http/app-env.ts";
import { onError } from "../src/http/problems.ts";
import { secured } from "../src/http/security.ts";
import { traced } from "../src/http/tracing.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

const rpc = defineRpc({
  path: "/rpc/things/rename",
  request: z.strictObject({ sessionId: SessionId, thingId: z.string().regex(/^\d+$/), subject: z.string().min(1) }),
  response: z.object({ subject: z.string() }),
  errors: ["group-not-found", ...ofWhatsApp],
});

const route = {
  id: "renameThing",
  path: "/v1/sessions/{id}/things/{thingId}",
  scope: "group:manage",
  summary: "Rename",
  description: "Renames a thing.",
  limits: () => [{ name: "things-minute", id: "live", quota: 3, windowSeconds: 60 }],
  answer: "Renamed.",
} as const;

/** An API of one operation. */
function newApp() {
  const app = new OpenAPIHono<AppEnv>();
  app.use(secured, traced);
  app.onError(onError);
  const operation = gateway(rpc, { ...route, method: "patch", example: { subject: "New" } });
  operation.addTo(app, { tag: "Things", notFound: "group-not-found" });
  return app;
}

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;
let asked: unknown[];
beforeEach(async () => {
  sessionId = await edge.addSession();
  asked = [];
  edge.connector = (path, body) => {
    asked.push([path, body]);
    return { status: 200, body: { subject: "New", secret: "of the connector" } };
  };
});

async function rename(id: string, body: object, { key = edge.workspace.key, more = {}, thing = "7" } = {}) {
  const request = new Request(`https://api.test/v1/sessions/${id}/things/${thing}`, {
    method: "PATCH",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...more },
    body: JSON.stringify(body),
  });
  const answer = await newApp().fetch(request, { services: edge.services });
  return { status: answer.status, headers: answer.headers, body: await answer.json<Record<string, unknown>>() };
}

describe("an operation that is made of a call to the connector", () => {
  it("takes the call's fields from path and body, and answers what the call answers", async () => {
    const { status, body } = await rename(sessionId, { subject: "New" });
    expect([status, body]).toEqual([200, { subject: "New" }]);
    expect(asked).toEqual([[rpc.path, { sessionId, thingId: "7", subject: "New" }]]);
  });

  it("asks the connector about sessions of the caller's workspace only", async () => {
    const stranger = await edge.addWorkspace();
    const theirs = await edge.addSession("online", stranger.id);
    expect((await rename(theirs, { subject: "New" })).body["code"]).toBe("session-not-found");
    expect(asked).toEqual([]);
  });

  it("needs its scope and a live key, and refuses what does not fit its schemas", async () => {
    const narrow = await edge.addKey(edge.workspace.id, ["session:manage"]);
    const test = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
    const codes = [
      await rename(sessionId, { subject: "New" }, { key: narrow }),
      await rename(sessionId, { subject: "New" }, { key: test }),
      await rename(sessionId, { subject: "New", sessionId }),
      await rename(sessionId, { subject: "" }),
      await rename(sessionId, { subject: "New" }, { thing: "x" }),
    ].map(({ body }) => body["code"]);
    expect(codes).toEqual([
      "insufficient-scope",
      "test-keys-not-supported",
      "invalid-request",
      "invalid-request",
      "group-not-found",
    ]);
    expect(asked).toEqual([]);
  });

  it("passes on the errors that the call names, with WhatsApp's code and when to try again", async () => {
    edge.connector = () => ({
      status: 429,
      body: { code: "whatsapp-rate-limited", detail: "secret", retryAfter: 60, whatsappCode: 429 },
    });
    const limited = await rename(sessionId, { subject: "New" });
    expect([limited.status, limited.headers.get("retry-after")]).toEqual([429, "60"]);
    expect(limited.body).toMatchObject({ code: "whatsapp-rate-limited", whatsappCode: 429 });
    expect(limited.body).not.toHaveProperty("detail");
  });

  it.each([
    [-5, "1"],
    [0, "1"],
    [2.2, "3"],
    [9e15, "86400"],
  ])("bounds when to try again: %d seconds of the connector are %s", async (retryAfter, shown) => {
    edge.connector = () => ({ status: 429, body: { code: "whatsapp-rate-limited", retryAfter } });
    const { status, headers, body } = await rename(sessionId, { subject: "New" });
    expect([status, headers.get("retry-after"), body["retryAfter"]]).toEqual([429, shown, Number(shown)]);
  });

  it("counts its own limits in the same request to Redis as those of every request", async () => {
    const commands: string[][] = [];
    const granted = edge.redis;
    edge.redis = (command) => {
      commands.push(command.map(String));
      return granted(command, 0);
    };
    const { status, headers } = await rename(sessionId, { subject: "New" });
    expect([status, headers.get("ratelimit-policy")]).toEqual([
      200,
      expect.stringContaining('"things-minute";q=3;w=60'),
    ]);
    expect(commands.filter((command) => command.some((word) => word.includes("things-minute")))).toHaveLength(1);
  });

  it("answers connector-unavailable to silence, and to an error that the call does not name", async () => {
    const codes: unknown[] = [];
    for (const code of ["session-not-found", "lookups-exhausted", "internal-error", "toString"]) {
      edge.connector = () => ({ status: 409, body: { code } });
      codes.push((await rename(sessionId, { subject: "New" })).body["code"]);
    }
    edge.connector = () => undefined;
    codes.push((await rename(sessionId, { subject: "New" })).body["code"]);
    edge.connector = () => ({ status: 200, body: { nothing: true } });
    codes.push((await rename(sessionId, { subject: "New" })).body["code"]);
    expect(new Set(codes)).toEqual(new Set(["connector-unavailable"]));
  });

  it("is refused when the app starts if its path, its method and its example do not fit the call", () => {
    const example = { subject: "New" };
    expect(() => gateway(rpc, { ...route, method: "patch" })).toThrow("a body needs an example");
    expect(() => gateway(rpc, { ...route, method: "get", example })).toThrow("a get has none");
    const path = "/v1/sessions/{id}/things/{thingName}";
    expect(() => gateway(rpc, { ...route, method: "patch", path, example })).toThrow("thingName");
  });

  it("gives a repetition with the same Idempotency-Key the first answer, without another call", async () => {
    const more = { "idempotency-key": "once" };
    const first = await rename(sessionId, { subject: "New" }, { more });
    await edge.settled();
    const second = await rename(sessionId, { subject: "New" }, { more });
    expect([first.status, second.status, second.headers.get("idempotent-replayed")]).toEqual([200, 200, "true"]);
    expect(asked).toHaveLength(1);
  });

  it("runs again with the same Idempotency-Key after a refusal that is retryable, and not after another one", async () => {
    const more = { "idempotency-key": "once" };
    edge.connector = () => ({ status: 409, body: { code: "session-not-online" } });
    const offline = await rename(sessionId, { subject: "New" }, { more });
    expect([offline.status, offline.body]).toMatchObject([409, { retryable: true }]);
    await edge.settled();
    edge.connector = () => ({ status: 404, body: { code: "group-not-found" } });
    const refused = await rename(sessionId, { subject: "New" }, { more });
    expect([refused.status, refused.body]).toMatchObject([404, { retryable: false }]);
    await edge.settled();
    const replayed = await rename(sessionId, { subject: "New" }, { more });
    expect([replayed.status, replayed.headers.get("idempotent-replayed")]).toEqual([404, "true"]);
  });
});

it("reads of groups are limited by the minute and the day", async () => {
  edge.connector = () => ({ status: 404, body: { code: "group-not-found" } });
  const { status, headers } = await edge.api(`GET /v1/sessions/${sessionId}/groups/120363025246125486@g.us`);
  expect(status).toBe(404);
  expect(headers.get("ratelimit-policy")).toContain('"groups-minute";q=60;w=60, "groups-day";q=2000;w=86400');
});
