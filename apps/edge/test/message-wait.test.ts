import type { Message } from "@sandi/contracts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { memoryRedis, type TestRedis } from "./limits-redis.ts";
import { connectorOf, recipient, seeMessage } from "./senders.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;
let server: TestRedis;
beforeAll(async () => {
  server = await memoryRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  sessionId = await edge.addSession();
});

const body = { to: recipient, type: "text", text: "Selamat pagi" };
const policy = (more: object) => edge.api("PATCH /v1/workspace", { policy: more });
const send = (prefer: string, more: object = {}) =>
  edge.api<Message>("POST /v1/messages", { ...body, ...more }, { headers: { prefer } });

describe("Prefer: wait", () => {
  let slept: number[];
  let during: () => Promise<unknown>;
  beforeEach(() => {
    slept = [];
    during = () => Promise.resolve();
    edge.services.sleep = async (ms) => {
      slept.push(ms);
      edge.advance(ms);
      await during();
    };
  });

  it("answers with the status that WhatsApp's ack gave the message", async () => {
    during = async () => {
      const [row] = await edge.rows("SELECT id FROM message WHERE status = 'queued'");
      if (slept.length === 2 && row) await connectorOf(edge).sent(row["id"] as string, sessionId);
    };
    const { status, headers, body: answer } = await send("respond-async, wait=10");
    expect([status, answer.status, headers.get("preference-applied"), slept.length]).toEqual([
      202,
      "sent",
      "wait=10",
      2,
    ]);
  });

  it.each([
    ["wait=10", 10_000],
    ["wait=3", 3_000],
    ["wait=9999", 25_000],
  ])("with %s answers after that time at the latest, and looks at the database rarely", async (prefer, most) => {
    const before = edge.calls.database;
    expect((await send(prefer)).body.status).toBe("queued");
    expect(slept.reduce((sum, ms) => sum + ms, 0)).toBe(most);
    expect(edge.calls.database - before).toBeLessThanOrEqual(13);
  });

  it.each(["", "wait", "wait=x", "handling=lenient", "wait=0"])("is ignored where it says %j", async (prefer) => {
    const { status, headers } = await send(prefer);
    expect([status, headers.get("preference-applied"), slept]).toEqual([202, null, []]);
  });

  it("is for ten requests of a key at a time; the others are answered at once", async () => {
    edge.redis = (command) => server.redis(command, 10_000);
    const gate = Promise.withResolvers<void>();
    edge.services.sleep = (ms) => {
      slept.push(ms);
      return gate.promise.then(() => edge.advance(25_000));
    };
    await policy({ messagesPerRecipientPerHour: 100 });
    const waiting = Array.from({ length: 10 }, () => send("wait=10"));
    while (slept.length < 10) await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await send("wait=10")).headers.get("preference-applied")).toBeNull();
    gate.resolve();
    for (const { headers } of await Promise.all(waiting)) expect(headers.get("preference-applied")).toBe("wait=10");
    await edge.settled();
    expect((await send("wait=1")).headers.get("preference-applied")).toBe("wait=1");
  });

  it("does not wait while Redis does not answer", async () => {
    edge.redis = () => Promise.reject(new Error("no answer"));
    const { status, headers } = await send("wait=10");
    expect([status, headers.get("preference-applied"), slept]).toEqual([202, null, []]);
  });

  it("does not apply to a scheduled message or to a repetition", async () => {
    const sendAt = new Date(edge.services.now().getTime() + 3_600_000).toISOString();
    expect((await send("wait=10", { sendAt })).body.status).toBe("scheduled");
    const headers = { prefer: "wait=10", "idempotency-key": "k" };
    await edge.api("POST /v1/messages", body, { headers: { "idempotency-key": "k" } });
    await edge.settled();
    const again = await edge.api<Message>("POST /v1/messages", body, { headers });
    expect([again.headers.get("idempotent-replayed"), slept]).toEqual(["true", []]);
    expect((await seeMessage(edge, again.body)).status).toBe("queued");
  });
});
