import type { Verification } from "@sandi/contracts";
import { describe, expect, it } from "vitest";
import { type Edge, startEdge } from "./harness.ts";
import { limitOf, ofLiveSide, routes, to, withBody, withFields } from "./public-routes.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
const tables = ["verification", "message", "session", "idempotency", "destination_budget"];
const counts = () => Promise.all(tables.map((table) => edge.count(table)));

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
