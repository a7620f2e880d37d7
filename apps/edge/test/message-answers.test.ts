import type { MessageDryRun } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import { DatabaseFetchError } from "../src/db/failures.ts";
import type { Edge } from "./harness.ts";
import { everything } from "./every-route.ts";
import { connectorOf, recipient, text } from "./senders.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;
beforeEach(async () => {
  sessionId = await edge.addSession();
});

const body = { to: recipient, type: "text", text: "Selamat pagi" };
const policy = (more: object) => edge.api("PATCH /v1/workspace", { policy: more });
const block = () => edge.api("POST /v1/access-rules", { effect: "block", kind: "country", value: "ID" });

describe("a message that a rule refuses", () => {
  it.each<[code: string, calls: number, arrange: () => Promise<unknown>]>([
    ["destination-blocked", 1, block],
    ["no-eligible-session", 2, () => edge.client.execute("DELETE FROM session")],
    [
      "rate-limited",
      1,
      async () => {
        await policy({ messagesPerRecipientPerHour: 1 });
        await text(edge);
      },
    ],
  ])("is answered %s by the batch that would have stored it", async (code, calls, arrange) => {
    await arrange();
    await edge.api("GET /v1/messages");
    await edge.settled();
    const [messages, before] = [await edge.count("message"), edge.calls.database];
    const refused = await text(edge);
    expect([refused.body.code, edge.calls.database - before]).toEqual([code, calls]);
    expect([await edge.count("message"), await edge.count("admission")]).toEqual([messages, 0]);
  });

  it("is refused by the first of several rules", async () => {
    await policy({ messagesPerRecipientPerHour: 1 });
    await text(edge);
    await connectorOf(edge).state(sessionId, "ended");
    expect((await text(edge)).body.code).toBe("no-eligible-session");
    await block();
    expect((await text(edge)).body.code).toBe("destination-blocked");
  });

  it("is answered with 503 if the answer with the refusal was lost", async () => {
    await block();
    const { db } = edge.services;
    let isLost = false;
    edge.services.db = {
      ...db,
      write: async (queries) => {
        const results = await db.write(queries);
        if (isLost) return results;
        isLost = true;
        throw new DatabaseFetchError("lost");
      },
    };
    const { status, body: answer } = await text(edge);
    expect([status, answer.code]).toEqual([503, "database-unavailable"]);
    expect((await text(edge)).body.code).toBe("destination-blocked");
  });
});

describe("the messages to one number", () => {
  it("are limited by the database while Redis does not answer, as Redis would limit them", async () => {
    edge.redis = () => Promise.reject(new Error("no answer"));
    await policy({ messagesPerRecipientPerHour: 2, messagesPerRecipientPerDay: 3 });
    const codes: unknown[] = [];
    for (let i = 0; i < 3; i++) codes.push((await text(edge)).body.code);
    expect(codes).toEqual([undefined, undefined, "rate-limited"]);
    edge.advance(600_000);
    const { status, body: refused } = await text(edge);
    expect([status, refused.detail, refused.retryAfter]).toEqual([429, "`recipient-hour` allows 2 in 3600 s.", 3000]);
    expect((await text(edge, { to: "+6281234567891" })).status).toBe(202);
    edge.advance(3_000_000);
    expect((await text(edge)).status).toBe(202);
    const spent = (await text(edge)).body;
    expect([spent.detail, spent.retryAfter]).toEqual(["`recipient-day` allows 3 in 86400 s.", 82_800]);
    expect(await edge.count("message")).toBe(4);
  });

  it("count once for a repetition, and codes and the sandbox do not count", async () => {
    await policy({ messagesPerRecipientPerHour: 2 });
    const headers = { "idempotency-key": "k" };
    for (let i = 0; i < 3; i++) expect((await edge.api("POST /v1/messages", body, { headers })).status).toBe(202);
    await edge.api("POST /v1/verifications", { to: recipient });
    const key = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
    await edge.api("POST /v1/messages", body, { key });
    expect((await text(edge)).status).toBe(202);
    expect((await text(edge)).body.code).toBe("rate-limited");
  });
});

const dryRun = (more: object = {}, key?: string) =>
  edge.api<MessageDryRun>("POST /v1/messages", { ...body, ...more, dryRun: true }, key === undefined ? {} : { key });

describe("a dry run", () => {
  it("answers which session would send, and against which limits, and changes nothing", async () => {
    await text(edge);
    await edge.settled();
    const costs: unknown[] = [];
    const granted = edge.redis;
    edge.redis = (command, timeoutMs) => {
      const [, , count = 0, ...rest] = command;
      costs.push(...rest.slice(Number(count) + 1).filter((_, i) => i % 3 === 2));
      return granted(command, timeoutMs);
    };
    const before = await everything(edge);
    const { status, body: answer } = await dryRun({ metadata: { a: 1 } });
    const resetAt = (ms: number) => new Date(edge.services.now().getTime() + ms).toISOString();
    expect([status, answer]).toEqual([
      200,
      {
        wouldSend: true,
        sessionId,
        limits: [
          { name: "recipient-hour", quota: 30, remaining: 29, resetAt: resetAt(3_600_000) },
          { name: "recipient-day", quota: 100, remaining: 99, resetAt: resetAt(86_400_000) },
        ],
        refusal: null,
      },
    ]);
    await edge.settled();
    expect(await everything(edge)).toEqual(before);
    // Of the key, of the workspace, and of three limits of sends.
    expect(costs).toEqual([1, 1, 0, 0, 0]);
  });

  it.each<[string, () => Promise<unknown>]>([
    ["destination-blocked", block],
    ["no-eligible-session", () => edge.client.execute("DELETE FROM session")],
    [
      "rate-limited",
      async () => {
        await policy({ messagesPerRecipientPerHour: 1 });
        await text(edge);
      },
    ],
  ])("answers %s as a send would", async (code, arrange) => {
    await arrange();
    const [would, does] = [(await dryRun()).body, (await text(edge)).body];
    expect(would).toMatchObject({ wouldSend: false, sessionId: null, refusal: { code } });
    expect(does.code).toBe(code);
    expect(would.refusal?.detail).toBe(does.detail ?? does.title);
    expect(would.refusal?.retryAfter ?? undefined).toBe(does.retryAfter);
  });

  it("does the same in the sandbox, where its numbers refuse", async () => {
    const key = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
    expect((await dryRun({ to: "+99900000000" }, key)).body).toEqual({
      wouldSend: true,
      sessionId: null,
      limits: [],
      refusal: null,
    });
    expect((await dryRun({ to: "+99900000006" }, key)).body.refusal?.code).toBe("destination-blocked");
    expect(await edge.count("message")).toBe(0);
  });
});
