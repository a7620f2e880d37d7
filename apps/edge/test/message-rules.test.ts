import type { CreatedAccessRule, Message } from "@sandi/contracts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";
import { memoryRedis, type TestRedis } from "./limits-redis.ts";
import { connectorOf } from "./senders.ts";

let server: TestRedis;
let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;
const to = "+6281234567890";

beforeAll(async () => {
  server = await memoryRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  sessionId = await edge.addSession();
});

const add = (effect: string, kind: string, value: string) =>
  edge.api<CreatedAccessRule>("POST /v1/access-rules", { effect, kind, value });
const send = (number = to, options: { key?: string; headers?: Record<string, string> } = {}) =>
  edge.api<Message>("POST /v1/messages", { to: number, type: "text", text: "hi" }, options);

describe("a block rule", () => {
  it.each([
    ["number", to],
    ["prefix", "62812"],
    ["prefix", "6281234567"],
    ["country", "ID"],
  ])("for the %s %s refuses messages as it does codes, and stores nothing", async (kind, value) => {
    const rule = await add("block", kind, value);
    edge.calls.database = 0;
    const headers = { "idempotency-key": "k" };
    const refused = await send(to, { headers });
    expect([refused.status, refused.body.code]).toEqual([403, "destination-blocked"]);
    expect((await send(to, { headers })).body.code).toBe("destination-blocked");
    expect([await edge.count("message"), await edge.count("idempotency"), edge.jobs.length]).toEqual([0, 0, 0]);
    expect((await send("+6591234567")).status).toBe(202);
    await edge.api(`DELETE /v1/access-rules/${rule.body.id}`);
    edge.calls.database = 0;
    expect((await send()).status).toBe(202);
    expect(edge.calls.database).toBe(1);
  });

  it("yields to an allow rule; rules for addresses and the policy's countries are not for messages", async () => {
    await edge.api("PATCH /v1/workspace", { policy: { countries: ["SG"] } });
    await add("block", "ip", "203.0.113.0/24");
    expect((await send(to, { headers: { "cf-connecting-ip": "203.0.113.9" } })).status).toBe(202);
    await add("block", "country", "ID");
    await add("allow", "number", to);
    expect([(await send()).status, (await send("+6281234567891")).body.code]).toEqual([202, "destination-blocked"]);
  });

  it("belongs to its workspace, and not to the sandbox", async () => {
    await add("block", "number", to);
    const test = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
    expect((await send(to, { key: test })).status).toBe(202);
    const stranger = await edge.addWorkspace();
    await edge.addSession("online", stranger.id);
    expect((await send(to, { key: stranger.key })).status).toBe(202);
  });

  it.each([
    ["number", to, 1],
    ["prefix", "628123", 2],
    ["country", "ID", 2],
    ["prefix", "62812345", 0],
    ["ip", "203.0.113.9", 0],
  ])("for the %s %s cancels the messages that wait, and what was claimed goes on", async (kind, value, canceled) => {
    const { claim, report } = connectorOf(edge);
    const ids: string[] = [];
    for (const number of [to, "+6281234999999", "+6591234567"]) ids.push((await send(number)).body.id);
    const claimed = (await send()).body.id;
    const stranger = await edge.addWorkspace();
    await edge.addSession("online", stranger.id);
    await send(to, { key: stranger.key });
    const test = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
    await send("+99900000002", { key: test });
    expect(await claim(claimed, sessionId)).toMatchObject({});
    edge.advance(1);
    const { body } = await add("block", kind, value);
    expect([body.canceledMessages, body.endedVerifications]).toEqual([canceled, 0]);
    const rows = await edge.rows("SELECT id, sealed FROM message WHERE status = 'canceled' ORDER BY rowid");
    expect(rows).toEqual(ids.slice(0, canceled).map((id) => ({ id, sealed: null })));
    expect((await edge.api<Message>(`GET /v1/messages/${ids[2] ?? ""}`)).body.status).toBe("queued");
    await report(sessionId, "message.sent", { messageId: claimed });
    expect((await edge.api<Message>(`GET /v1/messages/${claimed}`)).body.status).toBe("sent");
  });

  it("does not end what an allow rule allows", async () => {
    await send();
    await add("allow", "number", to);
    expect((await add("block", "country", "ID")).body.canceledMessages).toBe(0);
  });
});

describe("the limit of one recipient", () => {
  beforeEach(() => {
    edge.redis = (command) => server.redis(command, 10_000);
  });

  it("is the policy's, for each number by itself and however it is spelled, and nothing is stored beyond it", async () => {
    const policy = { defaultCountry: "ID", messagesPerRecipientPerHour: 2, messagesPerRecipientPerDay: 3 };
    await edge.api("PATCH /v1/workspace", { policy });
    const first = await send();
    expect(first.headers.get("ratelimit-policy")).toContain('"recipient-hour";q=2;w=3600, "recipient-day";q=3;w=86400');
    expect((await send("0812-3456-7890")).status).toBe(202);
    const refused = await send();
    expect([refused.status, refused.body.code, refused.body.detail, refused.headers.get("retry-after")]).toEqual([
      429,
      "rate-limited",
      "`recipient-hour` allows 2 in 3600 s.",
      "3600",
    ]);
    expect((await send("+6281234567891")).status).toBe(202);
    expect(await edge.count("message")).toBe(3);
    const test = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
    for (let i = 0; i < 4; i++) expect((await send("+99900000000", { key: test })).status).toBe(202);
  });

  it("does not count a scheduled message before it is queued", async () => {
    await edge.api("PATCH /v1/workspace", { policy: { messagesPerRecipientPerHour: 1 } });
    const sendAt = new Date(edge.services.now().getTime() + 3_600_000).toISOString();
    const later = () => edge.api<Message>("POST /v1/messages", { to, type: "text", text: "hi", sendAt });
    expect([(await later()).status, (await later()).status, (await send()).status]).toEqual([202, 202, 202]);
    expect([(await send()).status, (await later()).status]).toEqual([429, 202]);
  });

  it("is thirty in an hour and a hundred in a day where nothing is chosen, and puts no number into Redis", async () => {
    const commands: unknown[] = [];
    edge.redis = (command) => {
      commands.push(command);
      return server.redis(command, 10_000);
    };
    const { headers } = await send();
    expect(headers.get("ratelimit-policy")).toContain('"recipient-hour";q=30;w=3600, "recipient-day";q=100;w=86400');
    expect(JSON.stringify(commands)).not.toContain(to.slice(1));
  });
});
