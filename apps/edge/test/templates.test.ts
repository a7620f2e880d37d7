import { LibsqlError } from "@libsql/client";
import type { Template } from "@sandi/contracts";
import { describe, expect, it } from "vitest";
import { createTemplate } from "../src/templates/create-template.ts";
import type { Edge } from "./harness.ts";
import { en, input, templateCalls, unknown } from "./template-calls.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
const { create } = templateCalls(() => edge);

describe("a template", () => {
  it("is created, listed, found, replaced and deleted", async () => {
    const { status, body, headers } = await create();
    expect([status, headers.get("location")]).toEqual([201, `/v1/templates/${body.id}`]);
    const times = { createdAt: "2026-11-21T08:00:00.000Z", updatedAt: "2026-11-21T08:00:00.000Z" };
    expect(body).toEqual({ id: body.id, ...input(), ...times });
    expect((await edge.api("GET /v1/templates")).body).toEqual({ templates: [body] });
    expect((await edge.api(`GET /v1/templates/${body.id}`)).body).toEqual(body);

    edge.advance(1000);
    const other = { name: "Other", texts: { id: "*{{code}}*" } };
    const replaced = await edge.api<Template>(`PUT /v1/templates/${body.id}`, other);
    const updated = { ...body, ...other, purpose: null, updatedAt: "2026-11-21T08:00:01.000Z" };
    expect([replaced.status, replaced.body]).toEqual([200, updated]);
    expect((await edge.api(`GET /v1/templates/${body.id}`)).body).toEqual(updated);

    expect((await edge.api(`DELETE /v1/templates/${body.id}`)).status).toBe(204);
    for (const request of [`GET /v1/templates/${body.id}`, `DELETE /v1/templates/${body.id}`, "GET /v1/templates/x"]) {
      const gone = await edge.api(request);
      expect([gone.status, gone.body.code]).toEqual([404, "template-not-found"]);
    }
    expect((await edge.api(`PUT /v1/templates/${body.id}`, other)).body.code).toBe("template-not-found");
  });

  it("leaves a line in the audit log with each change, and none without one", async () => {
    const { body } = await create();
    await create();
    await edge.api(`PUT /v1/templates/${body.id}`, input({ name: "Renamed" }));
    await edge.api(`PUT /v1/templates/${unknown}`, input({ name: "Nothing", purpose: null }));
    await edge.api(`DELETE /v1/templates/${body.id}`);
    await edge.api(`DELETE /v1/templates/${body.id}`);
    const [key] = await edge.rows("SELECT id FROM api_key");
    const rows = await edge.rows(
      "SELECT substr(id, 1, 4) AS id, actor, action, target, detail FROM audit ORDER BY created_at, rowid",
    );
    const entry = (action: string, detail: object) => ({
      id: "aud_",
      actor: key?.["id"],
      action,
      target: body.id,
      detail: JSON.stringify(detail),
    });
    expect(rows).toEqual([
      entry("template.created", { name: "Login", purpose: "login", locales: ["en"] }),
      entry("template.updated", { name: "Renamed", purpose: "login", locales: ["en"] }),
      entry("template.deleted", {}),
    ]);
  });

  it("is created once for one Idempotency-Key", async () => {
    const options = { headers: { "idempotency-key": "t" } };
    const first = await create({}, options);
    const again = await create({}, options);
    expect([again.status, again.body, await edge.count("template")]).toEqual([201, first.body, 1]);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect((await create({ name: "Other" }, options)).body.code).toBe("idempotency-key-reused");
    expect(await edge.count("audit")).toBe(1);
  });

  it("has its name and its purpose to itself", async () => {
    const { body: first } = await create();
    const same = await create();
    expect([same.status, same.body.code, same.body.errors?.map(({ pointer }) => pointer)]).toEqual([
      409,
      "template-exists",
      ["/name", "/purpose"],
    ]);
    const { body: second } = await create({ name: "Other", purpose: null });
    await create({ name: "Third", purpose: null });
    expect((await create({ purpose: null })).body.errors?.map(({ pointer }) => pointer)).toEqual(["/name"]);
    const taken = await edge.api(`PUT /v1/templates/${second.id}`, input({ name: "Other" }));
    expect([taken.status, taken.body.errors?.map(({ pointer }) => pointer)]).toEqual([409, ["/purpose"]]);
    expect((await edge.api(`PUT /v1/templates/${first.id}`, input())).status).toBe(200);
  });

  it("is one of a hundred at most", async () => {
    await create();
    const refused = createTemplate(
      await edge.contextOf(),
      { input: { name: "b", purpose: null, texts: { en } }, idempotencyKey: undefined },
      1,
    );
    await expect(refused).rejects.toMatchObject({ code: "template-limit-reached" });
    expect([await edge.count("template"), await edge.count("audit")]).toEqual([1, 1]);
  });

  it("is not there for another workspace, whose own may bear the same name and purpose", async () => {
    const { body } = await create();
    const { key } = await edge.addWorkspace("Other");
    for (const [request, sent] of [
      [`GET /v1/templates/${body.id}`],
      [`PUT /v1/templates/${body.id}`, input()],
      [`DELETE /v1/templates/${body.id}`],
      ["POST /v1/templates/preview", { templateId: body.id }],
    ] as const) {
      const answer = await edge.api(request, sent, { key });
      expect([request, answer.status, answer.body.code]).toEqual([request, 404, "template-not-found"]);
    }
    expect((await edge.api("GET /v1/templates", undefined, { key })).body).toEqual({ templates: [] });
    expect((await create({}, { key })).status).toBe(201);
    expect((await edge.api("GET /v1/templates")).body).toEqual({ templates: [body] });
  });

  it("is written with key:manage, and read with otp:send", async () => {
    const { body } = await create();
    const reader = await edge.addKey(edge.workspace.id, ["otp:send"]);
    const stranger = await edge.addKey(edge.workspace.id, ["otp:check"]);
    const requests: [string, object?][] = [
      ["POST /v1/templates", input({ name: "b", purpose: null })],
      [`PUT /v1/templates/${body.id}`, input()],
      [`DELETE /v1/templates/${body.id}`],
      ["GET /v1/templates"],
      [`GET /v1/templates/${body.id}`],
      ["GET /v1/templates/built-in"],
      ["POST /v1/templates/preview", {}],
    ];
    const statuses = async (key: string) =>
      Promise.all(requests.map(async ([request, sent]) => (await edge.api(request, sent, { key })).status));
    expect(await statuses(reader)).toEqual([403, 403, 403, 200, 200, 200, 200]);
    expect(await statuses(stranger)).toEqual([403, 403, 403, 403, 403, 403, 403]);
    // A template that a test key changes would be sent by live keys.
    const testKey = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
    expect(await statuses(testKey)).toEqual([403, 403, 403, 200, 200, 200, 200]);
  });

  it("is not left behind when the database's answers are lost", async () => {
    const { db } = edge.services;
    const lost = new LibsqlError("lost", "SERVER_ERROR");
    let answers = [false, true];
    edge.services.db = {
      ...db,
      async write(queries) {
        const results = await db.write(queries);
        if (answers.shift() === false) throw lost;
        return results;
      },
    };
    const found = await create();
    expect([found.status, await edge.count("template"), await edge.count("audit")]).toEqual([201, 1, 1]);

    answers = [false, false, true];
    const failed = await create({ name: "b", purpose: null });
    expect(failed.status).toBe(503);
    await edge.settled();
    expect((await edge.rows("SELECT name FROM template")).map(({ name }) => name)).toEqual(["Login"]);
    expect((await edge.rows("SELECT action FROM audit ORDER BY rowid")).map(({ action }) => action)).toEqual([
      "template.created",
      "template.not_created",
    ]);

    answers = [false];
    const renamed = await edge.api<Template>(`PUT /v1/templates/${found.body.id}`, input({ name: "c" }));
    expect([renamed.status, renamed.body.name]).toEqual([200, "c"]);
    answers = [false];
    expect((await edge.api(`DELETE /v1/templates/${found.body.id}`)).status).toBe(204);
  });

  it("is not made any more by a write that comes late, after it was answered with 503", async () => {
    const { db } = edge.services;
    const late: (() => Promise<unknown>)[] = [];
    edge.services.db = {
      ...db,
      write(queries) {
        if (late.length > 0) return db.write(queries);
        late.push(() => db.write(queries));
        return Promise.reject(new LibsqlError("lost", "SERVER_ERROR"));
      },
    };
    expect((await create()).status).toBe(503);
    for (const write of late) await expect(write()).rejects.toThrow("write_receipt");
    expect(await edge.count("template")).toBe(0);
  });
});
