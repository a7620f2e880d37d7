import { claimPath, createId, eventsPath, type Message } from "@sandi/contracts";
import { webRandom } from "@sandi/crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCron } from "../src/cron.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;
const to = "+6281234567890";
/** Longer than what is left in the pages that are there. */
const text = "parcel ".repeat(500);

beforeEach(async () => {
  sessionId = await edge.addSession();
});
afterEach(async () => {
  await space();
});

const pragma = async (name: string) =>
  Number(Object.values((await edge.client.execute(`PRAGMA ${name}`)).rows[0] ?? {})[0]);

/** SQLite says that it is full when the file may not grow; pages that were given back are used up first. */
async function fill(): Promise<void> {
  await edge.client.execute("CREATE TABLE IF NOT EXISTS filler (data BLOB)");
  while ((await pragma("freelist_count")) > 0) await edge.client.execute("INSERT INTO filler VALUES (zeroblob(8000))");
  await edge.client.execute(`PRAGMA max_page_count = ${await pragma("page_count")}`);
}
const space = () => edge.client.execute("PRAGMA max_page_count = 1000000");

const tables = ["message", "verification", "idempotency", "activity"];
const counts = async () => {
  const known = new Set((await edge.rows("SELECT name FROM sqlite_master")).map(({ name }) => name));
  return Promise.all(tables.filter((table) => known.has(table)).map((table) => edge.count(table)));
};

describe("a full database", () => {
  it("answers 503 with a time, stores nothing of the request, and accepts the same request when there is space", async () => {
    await fill();
    const input = { sessionId, to, type: "text", text };
    const send = (key: number) =>
      edge.api("POST /v1/messages", input, { headers: { "idempotency-key": `key ${key}` } });
    // What fits into the pages that are there is taken.
    let taken = 0;
    while (taken < 50 && (await send(taken)).status === 202) taken++;
    await edge.settled();
    const [before, published] = [await counts(), edge.jobs.length];
    expect([taken < 50, published]).toEqual([true, taken]);
    for (let i = 0; i < 3; i++) {
      // The bound is the connection's, and the client may have taken another.
      await fill();
      const { status, body, headers } = await send(taken);
      expect([status, body.code, body.detail]).toEqual([503, "database-unavailable", "The database is full."]);
      expect(headers.get("retry-after")).toBe("30");
    }
    await edge.settled();
    expect([await counts(), edge.jobs.length]).toEqual([before, published]);
    expect((await edge.api("GET /v1/sessions")).status).toBe(200);
    expect(edge.logs.join()).not.toContain("parcel");

    await space();
    const { status } = await send(taken);
    await edge.settled();
    expect([status, edge.jobs.length]).toEqual([202, published + 1]);
  });

  it("takes no events that it cannot keep, so that the connector keeps them", async () => {
    const { id } = (await edge.api<Message>("POST /v1/messages", { sessionId, to, type: "text", text })).body;
    await edge.internal(claimPath, { connectorId: "a", claims: [{ messageId: id, sessionId, fence: 1 }] });
    await fill();
    const at = edge.services.now().toISOString();
    const messages = Array.from({ length: 200 }, (_, i) => ({
      id: createId("evt", edge.services.now(), webRandom(10)),
      seq: i + 1,
      sessionId,
      at,
      ...(i === 0
        ? { type: "message.sent", messageId: id }
        : {
            type: "message.received",
            from: `+62813${String(i).padStart(7, "0")}`,
            token: null,
            isForwarded: false,
          }),
    }));
    const refused = await edge.internal(eventsPath, { connectorId: "a", events: messages });
    expect([refused.status, refused.body.code]).toEqual([503, "database-unavailable"]);
    expect((await edge.api<Message>(`GET /v1/messages/${id}`)).body.status).toBe("sending");
    await space();
    expect((await edge.internal(eventsPath, { connectorId: "a", events: messages })).status).toBe(200);
    expect((await edge.api<Message>(`GET /v1/messages/${id}`)).body.status).toBe("sent");
  });

  it("does not break cron, which continues when there is space", async () => {
    await edge.api<Message>("POST /v1/messages", { sessionId, to, type: "text", text });
    await edge.settled();
    await fill();
    edge.advance(60_000);
    await runCron(edge.services).catch(() => undefined);
    await space();
    edge.advance(60_000);
    await runCron(edge.services);
    expect(edge.jobs.length).toBeGreaterThan(1);
  });
});
