import { PairingCodeRpc } from "@sandi/contracts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { runCron } from "../src/cron.ts";
import { connectorOf } from "./senders.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";
import { memoryRedis, type TestRedis } from "./limits-redis.ts";

let server: TestRedis;
let edge: Edge;
useEdge((started) => (edge = started));
let commands: (readonly (string | number)[])[];

beforeAll(async () => {
  server = await memoryRedis();
});
afterAll(() => server.stop());
beforeEach(() => {
  commands = [];
  edge.redis = (command) => {
    commands.push(command);
    return server.redis(command, 10_000);
  };
});

const minute = 60_000;
const grant = async (quota: object) => {
  await edge.client.execute({ sql: "UPDATE workspace SET quota = ?", args: [JSON.stringify(quota)] });
  edge.services.keyCache.clear();
};

const numberOf = (i: number) => `+62813000000${String(i).padStart(2, "0")}`;
const ask = (session: string, phone: string, key = edge.workspace.key) =>
  edge.api(`POST /v1/sessions/${session}/pairing-code`, { phone }, { key });

describe("pairing codes, each a prompt on the phone of the number's owner", () => {
  let asked: string[];

  beforeEach(() => {
    asked = [];
    edge.connector = (path, body) => {
      if (path !== PairingCodeRpc.path) return undefined;
      asked.push((body as { phone: string }).phone);
      const expiresAt = new Date(edge.services.now().getTime() + 2 * minute).toISOString();
      return { status: 200, body: { code: "K7QX2M9P", expiresAt } };
    };
  });

  it("are five in ten minutes for a session", async () => {
    const session = await edge.addSession("pairing");
    for (let i = 0; i < 5; i++) {
      expect((await ask(session, numberOf(i))).status).toBe(200);
      edge.advance(minute);
    }
    const refused = await ask(session, numberOf(5));
    expect([refused.status, refused.body.code, refused.headers.get("retry-after")]).toEqual([
      429,
      "rate-limited",
      "300",
    ]);
    expect(refused.headers.get("ratelimit-policy")).toContain('"pairing-session";q=5;w=600');
    expect(refused.headers.get("ratelimit")).toContain('"pairing-session";r=0;t=300');
    expect(refused.body["detail"]).toBe(
      "At most 5 pairing codes for one session in ten minutes are requested from WhatsApp, because each shows a prompt on a phone. QR codes are not limited.",
    );
    expect(asked.length).toBe(5);
    edge.advance(5 * minute);
    expect((await ask(session, numberOf(5))).status).toBe(200);
  });

  it("are as many in an hour for a workspace as the operator grants, over all its sessions and keys", async () => {
    await grant({ pairingCodesPerHour: 4 });
    const second = await edge.addKey(edge.workspace.id);
    for (let i = 0; i < 4; i++) expect((await ask(await edge.addSession("pairing"), numberOf(i))).status).toBe(200);
    const refused = await ask(await edge.addSession("pairing"), numberOf(4), second);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "3600"]);
    expect(refused.headers.get("ratelimit-policy")).toContain('"pairing-workspace";q=4;w=3600');
    const stranger = await edge.addWorkspace();
    const theirs = await edge.addSession("pairing", stranger.id);
    expect((await ask(theirs, numberOf(4), stranger.key)).status).toBe(200);
  });

  it("are three in a day for a number, over all workspaces", async () => {
    const number = numberOf(1);
    for (let i = 0; i < 3; i++) {
      const { id, key } = await edge.addWorkspace();
      expect((await ask(await edge.addSession("pairing", id), number, key)).status).toBe(200);
      edge.advance(60 * minute);
    }
    const session = await edge.addSession("pairing");
    const refused = await ask(session, number);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, String(21 * 3600)]);
    expect(refused.headers.get("ratelimit-policy")).toContain('"pairing-number";q=3;w=86400');
    expect((await ask(session, numberOf(2))).status).toBe(200);
    const kept = JSON.stringify([commands, await edge.rows("SELECT * FROM pairing_request"), edge.logs]);
    expect(kept).not.toContain(number.slice(1));
    edge.advance(24 * 60 * minute);
    await runCron(edge.services);
    expect(await edge.count("pairing_request")).toBe(0);
  });

  it("are answered again while they are valid, and then count nowhere", async () => {
    const { report } = connectorOf(edge);
    const session = await edge.addSession("pairing");
    const pairing = { state: "pairing", reason: null, phone: null, attempts: 0, nextAttemptAt: null, revision: 1 };
    await report(session, "session.state", pairing);
    for (let i = 0; i < 8; i++) expect((await ask(session, numberOf(1))).status).toBe(200);
    expect(await edge.count("pairing_request")).toBe(1);
    // Another number's code replaces it at WhatsApp; so does a new connection.
    await ask(session, numberOf(2));
    await ask(session, numberOf(1));
    expect(await edge.count("pairing_request")).toBe(3);
    edge.advance(minute);
    await report(session, "session.state", { ...pairing, state: "connecting" });
    await report(session, "session.state", pairing);
    await ask(session, numberOf(1));
    expect(await edge.count("pairing_request")).toBe(4);
    await edge.api(`POST /v1/sessions/${session}/restart`);
    const refused = await ask(session, numberOf(1));
    expect([refused.status, refused.headers.get("ratelimit-policy")]).toEqual([
      429,
      expect.stringContaining('"pairing-number"'),
    ]);
  });

  it("count nowhere if the session shows no code, and are limited without Redis, too", async () => {
    edge.redis = () => Promise.reject(new Error("away"));
    const session = await edge.addSession("pairing");
    const { connector } = edge;
    edge.connector = () => ({ status: 409, body: { code: "session-not-pairing" } });
    for (let i = 0; i < 7; i++) {
      expect((await ask(session, numberOf(i))).body.code).toBe("session-not-pairing");
      await edge.settled();
    }
    edge.connector = connector;
    const statuses = await Promise.all(
      Array.from({ length: 9 }, async (_, i) => (await ask(session, numberOf(i))).status),
    );
    expect(statuses.filter((status) => status === 200).length).toBe(5);
    expect(statuses.filter((status) => status === 429).length).toBe(4);
    expect(asked.length).toBe(5);
  });
});

const look = (key: string) => edge.api("GET /v1/sessions", undefined, { key });

describe("a workspace's limit", () => {
  it("holds for all its keys together, beside each key's own, in one request to Redis", async () => {
    await grant({ keyPerSecond: 1, keyBurst: 10, workspacePerSecond: 1, workspaceBurst: 25 });
    const keys = await Promise.all(Array.from({ length: 10 }, () => edge.addKey(edge.workspace.id)));
    commands = [];
    const answers = [];
    for (const key of keys) for (let i = 0; i < 5; i++) answers.push(await look(key));
    expect(answers.filter(({ status }) => status === 200).length).toBe(25);
    const [first, last] = [answers[0]!, answers.at(-1)!];
    expect([first.headers.get("ratelimit-policy"), first.headers.get("ratelimit")]).toEqual([
      '"key";q=10;w=10, "workspace";q=25;w=25',
      '"key";r=9;t=10, "workspace";r=24;t=25',
    ]);
    expect([last.status, last.body["detail"], last.headers.get("retry-after")]).toEqual([
      429,
      "`workspace` allows 25 in 25 s.",
      "25",
    ]);
    // One call for each request that passed and for the first refusal, which the isolate then remembers.
    expect(commands.filter(([name]) => name === "EVALSHA").length).toBe(26);
    const test = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
    expect((await edge.api("GET /v1/verifications", undefined, { key: test })).status).toBe(200);
    const stranger = await edge.addWorkspace();
    expect((await look(stranger.key)).status).toBe(200);
  });

  it("is never less than one key's", async () => {
    await grant({ keyPerSecond: 1_000, keyBurst: 1_000 });
    expect((await look(edge.workspace.key)).headers.get("ratelimit-policy")).toBe(
      '"key";q=1000;w=1, "workspace";q=1000;w=1',
    );
  });
});

describe("a workspace's budget of rows", () => {
  const quick = { keyPerSecond: 10_000, keyBurst: 10_000 };

  it("has twenty keys in an hour, made or rotated, with whichever key", async () => {
    await grant(quick);
    const ids: string[] = [];
    for (let i = 0; i < 10; i++) {
      const { status, body } = await edge.api("POST /v1/keys", { name: "a", scopes: ["otp:send"] });
      expect(status).toBe(201);
      ids.push(body["id"] as string);
    }
    const other = await edge.addKey(edge.workspace.id);
    for (const id of ids)
      expect((await edge.api(`POST /v1/keys/${id}/rotate`, { graceSeconds: 0 }, { key: other })).status).toBe(201);
    for (const [request, input] of [
      ["POST /v1/keys", { name: "a", scopes: ["otp:send"] }],
      [`POST /v1/keys/${ids[0]}/rotate`, {}],
    ] as const) {
      const refused = await edge.api(request, input);
      expect([refused.status, refused.body["detail"]]).toEqual([429, "`new-keys` allows 20 in 3600 s."]);
    }
    expect((await edge.api(`DELETE /v1/keys/${ids[0]}`)).status).toBe(204);
    edge.advance(366 * 24 * 60 * minute);
    await runCron(edge.services);
    const left = await edge.rows("SELECT id FROM api_key WHERE revoked_at IS NOT NULL OR expires_at IS NOT NULL");
    expect(left).toEqual([]);
  });

  it("has so many changes in a day, over all that is audited, and deletions beside them", async () => {
    await grant({ ...quick, changesPerDay: 6 });
    const rule = await edge.api("POST /v1/access-rules", { effect: "block", kind: "country", value: "ID" });
    const session = await edge.addSession();
    for (let i = 0; i < 2; i++) await edge.api("PATCH /v1/workspace", { policy: { maxChecks: 3 + i } });
    await edge.api("POST /v1/pools", { name: "b" });
    await edge.api(`POST /v1/sessions/${session}/restart`);
    await edge.api(`PATCH /v1/sessions/${session}`, { name: "b" });
    for (const [request, input] of [
      ["PATCH /v1/workspace", { policy: { maxChecks: 7 } }],
      ["POST /v1/templates", { name: "a", purpose: null, texts: { en: "{{code}}" } }],
      ["POST /v1/keys", { name: "a", scopes: ["otp:send"] }],
      [`POST /v1/sessions/${session}/restart`, undefined],
    ] as const) {
      const refused = await edge.api(request, input);
      expect([refused.status, refused.body["detail"]]).toEqual([429, "`changes` allows 6 in 86400 s."]);
    }
    // What only asks goes on.
    expect((await edge.api("POST /v1/destinations/status", { to: numberOf(1) })).status).toBe(200);
    expect((await edge.api(`POST /v1/sessions/${session}/qr-page`)).status).toBe(200);
    expect((await edge.api(`DELETE /v1/access-rules/${rule.body["id"] as string}`)).status).toBe(204);
    expect((await edge.api("GET /v1/workspace")).status).toBe(200);
    expect(await edge.count("audit")).toBe(7);
  });

  it("has a limit of its own for sends with test keys", async () => {
    await grant({ testSendsPerDay: 3, firstWeekSendsPerDay: 1 });
    await edge.client.execute(`UPDATE workspace SET created_at = ${edge.services.now().getTime()}`);
    const key = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
    const send = () => edge.api("POST /v1/messages", { to: "+99900000000", type: "text", text: "hi" }, { key });
    for (let i = 0; i < 3; i++) expect((await send()).status).toBe(202);
    const refused = await send();
    expect([refused.status, refused.body["detail"]]).toEqual([429, "`workspace-sends` allows 3 in 86400 s."]);
  });

  it("has five requests with an Idempotency-Key for each send", async () => {
    await grant({ sendsPerDay: 2 });
    const cancel = (key: string) =>
      edge.api("POST /v1/verifications/ver_01jd3k9v7hq2w8x5n4b6m0c1ta/cancel", undefined, {
        headers: { "idempotency-key": key },
      });
    for (let i = 0; i < 10; i++) expect((await cancel(`k${i}`)).status).toBe(404);
    const refused = await cancel("k10");
    expect([refused.status, refused.body["detail"]]).toEqual([429, "`idempotency-keys` allows 10 in 86400 s."]);
    await edge.settled();
    expect(await edge.count("idempotency")).toBe(10);
    expect((await edge.api("POST /v1/verifications/ver_01jd3k9v7hq2w8x5n4b6m0c1ta/cancel")).status).toBe(404);
  });
});
