import { claimPath, createId, eventsPath, type Message } from "@sandi/contracts";
import { webRandom } from "@sandi/crypto";
import { compiledQueries } from "@sandi/libsql";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Edge, startEdge } from "./harness.ts";

let edge: Edge;
let sessionId: string;
let seq = 0;
beforeAll(async () => {
  edge = await startEdge();
  sessionId = await edge.addSession();
});
afterAll(async () => {
  await edge.settled();
  edge.close();
});

const kinds = ["sent", "delivered", "read", "failed", "revoked"] as const;
type Kind = (typeof kinds)[number];
const ranks = { queued: 0, sending: 1, sent: 2, delivered: 3, read: 4 } as const;

/** What one event makes of a status. */
function next(status: string, kind: Kind): string {
  if (status === "failed" || status === "revoked") return status;
  const rank = ranks[status as keyof typeof ranks];
  if (kind === "failed") return rank < ranks.sent ? "failed" : status;
  if (kind === "revoked") return rank >= ranks.sending ? "revoked" : status;
  return ranks[kind] > rank ? kind : status;
}

/** How many of its times are known; what was taken back may have been read before. */
function timesOf(status: string, known: number): number {
  if (status === "revoked") return Math.min(known, 3);
  return Math.max(0, (ranks[status as keyof typeof ranks] ?? 0) - ranks.sending);
}

/** Batches as connectors send them: what is in them may come again, whole or in part, and out of its order. */
const batches = fc.array(fc.array(fc.constantFrom(...kinds), { minLength: 1, maxLength: 5 }), {
  minLength: 1,
  maxLength: 5,
});

it("a message's status only moves forward, for events in any order and number", async () => {
  await fc.assert(
    fc.asyncProperty(batches, fc.boolean(), async (told, isClaimed) => {
      // As far apart as the limits of one number want it.
      edge.advance(86_400_000);
      const input = { sessionId, to: "+6281234567890", type: "text", text: "Selamat pagi" };
      const { id } = (await edge.api<Message>("POST /v1/messages", input)).body;
      const connectorId = "a";
      if (isClaimed) {
        await edge.internal(claimPath, { connectorId, claims: [{ messageId: id, sessionId, fence: 1 }] });
      }
      const at = edge.services.now().toISOString();
      const events = new Map(
        kinds.map((kind) => {
          const evt = createId("evt", edge.services.now(), webRandom(10));
          const reason = kind === "failed" ? { reason: "refused" } : {};
          return [kind, { id: evt, seq: ++seq, sessionId, at, type: `message.${kind}`, messageId: id, ...reason }];
        }),
      );
      let expected: string = isClaimed ? "sending" : "queued";
      for (const batch of [...told, ...told]) {
        const { status } = await edge.internal(eventsPath, {
          connectorId,
          events: batch.map((kind) => events.get(kind)),
        });
        expect(status).toBe(200);
        expected = batch.reduce(next, expected);
        const now = (await edge.api<Message>(`GET /v1/messages/${id}`)).body;
        expect(now.status).toBe(expected);
        expect(now.failure?.reason).toBe(expected === "failed" ? "refused" : undefined);
        const times = [now.sentAt, now.deliveredAt, now.readAt].filter((time) => time !== null);
        expect(times.length).toBe(timesOf(expected, times.length));
      }
    }),
    { numRuns: Number(process.env["PROPERTY_RUNS"] ?? 60) },
  );
}, 120_000);

it("receipts of one message in a batch are one change, each stage with its own time", async () => {
  edge.advance(86_400_000);
  const input = { sessionId, to: "+6281234567890", type: "text", text: "Selamat pagi" };
  const [first, second] = await Promise.all(
    [0, 1].map(async () => (await edge.api<Message>("POST /v1/messages", input)).body.id),
  );
  const { db } = edge.services;
  const updates: string[] = [];
  edge.services.db = {
    ...db,
    write: (queries) => {
      const texts = compiledQueries(db, queries).map(({ sql }) => sql);
      updates.push(...texts.filter((text) => text.startsWith("UPDATE message")));
      return db.write(queries);
    },
  };
  const time = (ms: number) => new Date(edge.services.now().getTime() + ms).toISOString();
  const event = (kind: string, messageId: string | undefined, ms: number) => {
    const id = createId("evt", edge.services.now(), webRandom(10));
    return { id, seq: ++seq, sessionId, at: time(ms), type: `message.${kind}`, messageId };
  };
  const events = [
    event("sent", first, 1),
    event("delivered", second, 2),
    event("delivered", first, 3),
    event("sent", second, 4),
    event("read", first, 5),
  ];
  await edge.internal(eventsPath, { connectorId: "a", events });
  edge.services.db = db;

  expect(updates.length).toBe(2);
  expect((await edge.api<Message>(`GET /v1/messages/${first}`)).body).toMatchObject({
    status: "read",
    sentAt: time(1),
    deliveredAt: time(3),
    readAt: time(5),
  });
  expect((await edge.api<Message>(`GET /v1/messages/${second}`)).body).toMatchObject({
    status: "delivered",
    sentAt: time(2),
    deliveredAt: time(2),
    readAt: null,
  });
  const timeline = await edge.rows("SELECT type, at FROM event WHERE message_id = ? ORDER BY seq", first ?? "");
  expect(timeline.map(({ type }) => type)).toEqual([
    "message.queued",
    "message.sent",
    "message.delivered",
    "message.read",
  ]);
  expect(timeline.slice(1).map(({ at }) => new Date(Number(at)).toISOString())).toEqual([time(1), time(3), time(5)]);
});
