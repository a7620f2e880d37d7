import type { AuditList, CreatedWebhook, RotatedWebhookSecret, Webhook, WebhookList } from "@sandi/contracts";
import { describe, expect, it } from "vitest";
import { openTarget } from "../src/outbound/target.ts";
import { createWebhook } from "../src/webhooks/create-webhook.ts";
import type { Edge } from "./harness.ts";
import { as, keysOf } from "./keys-of.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
const { addKey, revoke, isoIn } = keysOf(() => edge);

const path = "/v1/webhooks";
const input = { url: "https://app.example.com/hook", events: ["message.*"] };
const add = async (more: object = {}, options: object = {}) => {
  edge.advance(1);
  const { status, body } = await edge.api<CreatedWebhook>(`POST ${path}`, { ...input, ...more }, options);
  expect(status).toBe(201);
  return body;
};
const change = (id: string, body: object, options: object = {}) => {
  edge.advance(1);
  return edge.api<Webhook>(`PATCH ${path}/${id}`, body, options);
};
const read = async (id: string) => (await edge.api<Webhook>(`GET ${path}/${id}`)).body;
const targetOf = async (id: string) => {
  const [row] = await edge.rows("SELECT target FROM endpoint WHERE id = ?", id);
  return openTarget(edge.services, { workspaceId: edge.workspace.id, id }, String(row?.["target"]));
};
const rotate = (id: string, body: object = {}, options: object = {}) => {
  edge.advance(1);
  return edge.api<RotatedWebhookSecret>(`POST ${path}/${id}/rotate-secret`, body, options);
};
const testKey = () => edge.addKey(edge.workspace.id, undefined, { environment: "test" });

describe("a webhook", () => {
  it("is made, listed, changed and deleted, each of which is audited", async () => {
    const session = await edge.addSession();
    const made = await add({
      events: ["session.state", "message.*", "message.*"],
      sessionIds: [session],
      chatKinds: ["person"],
      description: "CRM",
      isOrdered: true,
    });
    expect(made).toMatchObject({
      url: input.url,
      events: ["message.*", "session.state"],
      sessionIds: [session],
      chatKinds: ["person"],
      description: "CRM",
      isOrdered: true,
      isTest: false,
      headers: {},
      pausedAt: null,
      failingSince: null,
      secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/) as string,
    });
    const changes = { url: "https://app.example.com/other", events: ["*"], sessionIds: null, description: null };
    const { body: changed } = await change(made.id, changes);
    expect(changed).toMatchObject({ ...changes, isOrdered: true, chatKinds: ["person"] });
    const { body: list } = await edge.api<WebhookList>(`GET ${path}`);
    expect(list).toEqual({ webhooks: [changed], nextCursor: null });
    edge.advance(1);
    expect((await edge.api(`DELETE ${path}/${made.id}`)).status).toBe(204);
    expect((await edge.api(`GET ${path}/${made.id}`)).body.code).toBe("webhook-not-found");
    const { body: audit } = await edge.api<AuditList>("GET /v1/audit");
    expect(audit.entries.map(({ action }) => action)).toEqual([
      "webhook.deleted",
      "webhook.updated",
      "webhook.created",
    ]);
    expect(JSON.stringify(audit)).not.toContain("/hook");
  });

  it("is listed in pages, oldest first", async () => {
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) ids.push((await add()).id);
    const { body: first } = await edge.api<WebhookList>(`GET ${path}?limit=2`);
    const { body: second } = await edge.api<WebhookList>(`GET ${path}?limit=2&cursor=${first.nextCursor}`);
    expect([first, second].map(({ webhooks }) => webhooks.map(({ id }) => id))).toEqual([
      ids.slice(0, 2),
      ids.slice(2),
    ]);
    expect(second.nextCursor).toBeNull();
  });

  it("is made once per Idempotency-Key, and its secret is not answered again", async () => {
    const headers = { "idempotency-key": "one" };
    const first = await edge.api<CreatedWebhook>(`POST ${path}`, input, { headers });
    await edge.settled();
    const again = await edge.api<CreatedWebhook>(`POST ${path}`, input, { headers });
    expect(first.body.secret).toMatch(/^whsec_/);
    expect(again.body).toEqual({ ...first.body, secret: null });
    expect(await edge.count("endpoint")).toBe(1);
  });

  it("is refused when there are as many as there may be, apart from those of the sandbox", async () => {
    await add({}, { key: await testKey() });
    const whole = { sessionIds: null, chatKinds: null, headers: {}, description: null, isOrdered: false };
    const once = async () =>
      createWebhook(
        await edge.contextOf(),
        { input: { ...input, ...whole, isPaused: false }, idempotencyKey: undefined },
        1,
      );
    await once();
    await expect(once()).rejects.toMatchObject({ code: "webhook-limit-reached" });
  });

  it("begins with the newest event, and the workspace's deliveries with its first webhook", async () => {
    await edge.client.execute(
      `INSERT INTO event (seq, id, workspace_id, type, data, at) VALUES (41, 'evt_1', 'ws_1', 'x', '{}', 1)`,
    );
    const first = await add();
    await edge.client.execute(
      `INSERT INTO event (seq, id, workspace_id, type, data, at) VALUES (50, 'evt_2', 'ws_1', 'x', '{}', 1)`,
    );
    const second = await add();
    const rows = () => edge.rows("SELECT seq FROM webhook_position");
    expect(await rows()).toEqual([{ seq: 41 }]);
    expect(await edge.rows("SELECT from_seq FROM endpoint ORDER BY id")).toEqual([{ from_seq: 41 }, { from_seq: 50 }]);
    await edge.api(`DELETE ${path}/${first.id}`);
    expect(await rows()).toEqual([{ seq: 41 }]);
    await edge.api(`DELETE ${path}/${second.id}`);
    expect(await rows()).toEqual([]);
  });

  it("goes to https addresses on the public internet only, when it is made and when it is changed", async () => {
    const { id } = await add();
    const before = await edge.rows("SELECT * FROM endpoint");
    for (const url of [
      "http://example.com/x",
      "https://127.0.0.1/",
      "https://localhost/x",
      "https://169.254.169.254/",
      "https://10.0.0.1/",
      "https://[::ffff:10.0.0.1]/",
      "https://user:pass@example.com/",
      "https://metadata.internal/",
    ]) {
      const answers = [await edge.api(`POST ${path}`, { ...input, url }), await change(id, { url })];
      for (const { status, body } of answers) {
        expect([url, status, body.errors?.[0]?.pointer]).toEqual([url, 400, "/url"]);
      }
    }
    expect(await edge.rows("SELECT * FROM endpoint")).toEqual(before);
  });

  it("filters by sessions of its own workspace only", async () => {
    const stranger = await edge.addWorkspace();
    const theirs = await edge.addSession("online", stranger.id);
    const { id } = await add();
    for (const answer of [
      await edge.api(`POST ${path}`, { ...input, sessionIds: [theirs] }),
      await change(id, { sessionIds: [theirs] }),
    ]) {
      expect([answer.status, answer.body.code, answer.body.errors?.[0]?.pointer]).toEqual([
        404,
        "session-not-found",
        "/sessionIds/0",
      ]);
    }
  });

  it.each([
    [{ events: [] }, "/events"],
    [{ events: ["message.nonsense"] }, "/events/0"],
    [{ events: ["*", "nonsense.*"] }, "/events/1"],
    [{ chatKinds: ["email"] }, "/chatKinds/0"],
    [{ sessionIds: [] }, "/sessionIds"],
    [{ headers: { "content-type": "x" } }, "/headers/content-type"],
    [{ headers: { "Webhook-Id": "x" } }, "/headers/Webhook-Id"],
    [{ headers: { host: "x" } }, "/headers/host"],
    [{ headers: { connection: "x" } }, "/headers/connection"],
    [{ headers: { "x y": "x" } }, "/headers/x y"],
    [{ headers: { "x-a": "x", "X-A": "y" } }, "/headers/X-A"],
    [{ headers: { "x-a": "a\r\nb: c" } }, "/headers/x-a"],
    [{ headers: Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`x-${i}`, "x"])) }, "/headers"],
    [{ secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" }, "/secret"],
  ])("is refused with %j, which names the field", async (more, pointer) => {
    const { status, body } = await edge.api(`POST ${path}`, { ...input, ...more });
    expect([status, body.errors?.map((error) => error.pointer)]).toEqual([400, [pointer]]);
    expect(await edge.count("endpoint")).toBe(0);
  });

  it("shows the names of its headers and never their values", async () => {
    const value = "Bearer verysecret";
    const { id, headers } = await add({ headers: { Authorization: value, "x-tenant": "7" } });
    expect(headers).toEqual({ authorization: "•••", "x-tenant": "•••" });
    await change(id, { url: "https://app.example.com/new" });
    expect(await targetOf(id)).toMatchObject({ headers: { authorization: value, "x-tenant": "7" } });
    await change(id, { headers: {} });
    expect([(await read(id)).headers, await targetOf(id)]).toMatchObject([{}, { headers: {} }]);
    const tables = await edge.rows("SELECT name FROM sqlite_master WHERE type = 'table'");
    const all = await Promise.all(tables.map(({ name }) => edge.rows(`SELECT * FROM "${String(name)}"`)));
    expect(JSON.stringify([all, edge.logs, edge.requests, edge.jobs])).not.toContain("verysecret");
  });
});

describe("a webhook's pause", () => {
  it("begins and ends with a change, and a resumed webhook has no failures", async () => {
    const { id, pausedBecause } = await add({ isPaused: true });
    expect(pausedBecause).toBe("requested");
    expect((await change(id, { isPaused: false })).body).toMatchObject({ pausedAt: null, pausedBecause: null });
    await edge.client.execute(
      "UPDATE endpoint SET paused_at = 1, paused_because = 'failures', failing_since = 1, failures_in_row = 9",
    );
    expect((await change(id, { description: "Other" })).body).toMatchObject({ pausedBecause: "failures" });
    expect((await change(id, { isPaused: false })).body).toMatchObject({
      pausedAt: null,
      failingSince: null,
      failuresInRow: 0,
    });
  });

  it("comes with the end of its key; the key that resumes it owns it", async () => {
    const maker = await addKey({ scopes: ["webhook:manage"] });
    const { id, createdBy } = await add({}, as(maker));
    expect(createdBy).toBe(maker.id);
    await revoke(maker.id);
    expect(await read(id)).toMatchObject({ pausedBecause: "key_ended" });
    const another = await addKey({ scopes: ["webhook:manage"] });
    const { body } = await change(id, { isPaused: false }, as(another));
    expect(body).toMatchObject({ createdBy: another.id, pausedAt: null });
  });
});

describe("who may change a webhook", () => {
  it("is a key that sees at least as much: others could send the contents elsewhere", async () => {
    const { id } = await add();
    const weak = await addKey({ scopes: ["webhook:manage"] });
    for (const body of [{ url: "https://elsewhere.example.com/" }, { isPaused: true }]) {
      expect((await change(id, body, as(weak))).body.code).toBe("insufficient-scope");
    }
    const rotated = await edge.api(`POST ${path}/${id}/rotate-secret`, {}, as(weak));
    expect(rotated.body.code).toBe("insufficient-scope");
    const strong = await addKey({ scopes: ["webhook:manage", "message:read", "lookup:read"] });
    expect((await change(id, { isPaused: true }, as(strong))).status).toBe(200);
  });

  it("is nobody in another workspace, and nobody on the other side of the sandbox", async () => {
    const live = await add();
    const sandbox = await add({}, { key: await testKey() });
    expect([live.isTest, sandbox.isTest]).toEqual([false, true]);
    const before = await edge.rows("SELECT * FROM endpoint");
    const strangers: [string, string][] = [
      [live.id, (await edge.addWorkspace()).key],
      [live.id, await testKey()],
      [sandbox.id, edge.workspace.key],
    ];
    for (const [id, key] of strangers) {
      for (const [request, body] of [
        [`GET ${path}/${id}`],
        [`PATCH ${path}/${id}`, { description: "Mine" }],
        [`DELETE ${path}/${id}`],
        [`POST ${path}/${id}/rotate-secret`, {}],
        [`GET ${path}/${id}/stats`],
        [`GET ${path}/${id}/deliveries`],
        [`DELETE ${path}/${id}/deliveries?createdBefore=2026-11-21T08:00:00.000Z`],
      ] as [string, object?][]) {
        const answer = await edge.api(request, body, { key });
        expect([request, answer.status, answer.body.code]).toEqual([request, 404, "webhook-not-found"]);
      }
    }
    expect(await edge.rows("SELECT * FROM endpoint")).toEqual(before);
    const lists = await Promise.all(
      [edge.workspace.key, await testKey()].map((key) => edge.api<WebhookList>(`GET ${path}`, undefined, { key })),
    );
    expect(lists.map(({ body }) => body.webhooks.map(({ id }) => id))).toEqual([[live.id], [sandbox.id]]);
  });
});

describe("a webhook's secret", () => {
  it("is replaced by a new one, and the former one works for a day", async () => {
    const { id, secret } = await add();
    const { body } = await rotate(id);
    expect(body).toEqual({
      id,
      secret: expect.stringMatching(/^whsec_/) as string,
      previousSecretUntil: isoIn(86_400_000),
    });
    expect(body.secret).not.toBe(secret);
    expect(await targetOf(id)).toMatchObject({ secret: body.secret, previousSecret: secret });
    expect((await read(id)).previousSecretUntil).toBe(body.previousSecretUntil);
    edge.advance(86_400_000);
    expect((await read(id)).previousSecretUntil).toBeNull();
  });

  it("can be the customer's own, and the former one can end at once", async () => {
    const { id } = await add();
    const own = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    expect((await rotate(id, { secret: `v1,${own}`, overlapSeconds: 0 })).body).toEqual({
      id,
      secret: own,
      previousSecretUntil: null,
    });
    expect((await rotate(id, { overlapSeconds: 604_801 })).status).toBe(400);
  });

  it("is replaced once per Idempotency-Key; the repetition has no secret, and none is stored in clear", async () => {
    const { id } = await add();
    const options = { headers: { "idempotency-key": "one" } };
    const { body: first } = await rotate(id, {}, options);
    await edge.settled();
    const { body: again, headers } = await rotate(id, {}, options);
    expect(again).toEqual({ ...first, secret: null });
    expect(headers.get("idempotent-replayed")).toBe("true");
    expect(await targetOf(id)).toMatchObject({ secret: first.secret });
    const audit = await edge.rows("SELECT detail FROM audit WHERE action = 'webhook.updated'");
    expect(audit).toEqual([{ detail: '{"secrets":"replaced"}' }]);
  });
});
