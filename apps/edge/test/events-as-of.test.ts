import type { Event } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import { chatId, messageId, personId, receive, shownEvent, shownEvents } from "./events-world.ts";
import { type Edge, wrong } from "./harness.ts";
import { connectorOf, recipient, seeMessage, text, verify } from "./senders.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let connector: ReturnType<typeof connectorOf>;
let sessionId: string;
beforeEach(async () => {
  connector = connectorOf(edge);
  sessionId = await edge.addSession();
  edge.advance(1000);
});

const now = () => edge.services.now().toISOString();
const check = (id: string, code: string) => edge.api(`POST /v1/verifications/${id}/check`, { code });
/** Fields of the data of each event of a kind, in order. */
const series = async (kind: string, ...fields: string[]) =>
  (await shownEvents(edge))
    .filter(({ type }) => type.startsWith(kind))
    .map(({ type, data }) => [type.slice(type.indexOf(".") + 1), fields.map((field) => data?.[field])].flat());

describe("a message in its events", () => {
  it("has the status and the times of each event, also when it has come further", async () => {
    const { body } = await text(edge);
    const times = [];
    await connector.claim(body.id, sessionId);
    for (const type of ["message.sent", "message.delivered", "message.read", "message.played"]) {
      edge.advance(1000);
      times.push(now());
      await connector.report(sessionId, type, { messageId: body.id, ...(type === "message.sent" && { chatId }) });
    }
    const [sentAt, deliveredAt, readAt, playedAt] = times;
    const shown = await series("message.", "status", "sentAt", "deliveredAt", "readAt", "playedAt", "chatId");
    expect(shown).toEqual([
      ["queued", "queued", null, null, null, null, null],
      ["sent", "sent", sentAt, null, null, null, chatId],
      ["delivered", "delivered", sentAt, deliveredAt, null, null, chatId],
      ["read", "read", sentAt, deliveredAt, readAt, null, chatId],
      ["played", "played", sentAt, deliveredAt, readAt, playedAt, chatId],
    ]);
  });

  it("reported in one batch has passed each step in its order", async () => {
    const { body } = await text(edge);
    await connector.claim(body.id, sessionId);
    await connector.report(sessionId, "message.read", { messageId: body.id });
    expect(await series("message.", "status", "readAt")).toEqual([
      ["queued", "queued", null],
      ["sent", "sent", null],
      ["delivered", "delivered", null],
      ["read", "read", now()],
    ]);
  });

  it("that is sent again was failed when it failed, and is shown with the reason there alone", async () => {
    const { body } = await text(edge);
    await connector.claim(body.id, sessionId);
    await connector.failed(body.id, sessionId, "account_restricted");
    edge.advance(1000);
    expect((await edge.api(`POST /v1/messages/${body.id}/retry`)).status).toBe(202);
    await connector.claim(body.id, sessionId);
    await connector.sent(body.id, sessionId);
    const shown = await series("message.", "status", "failure");
    const failure = { reason: "account_restricted", detail: "WhatsApp has restricted the sending account." };
    expect(shown).toEqual([
      ["queued", "queued", null],
      ["failed", "failed", failure],
      ["queued", "queued", null],
      ["sent", "sent", null],
    ]);
  });

  it("names in each event the session that had it", async () => {
    const other = await edge.addSession();
    const { body } = await text(edge);
    const [from, to] = body.sessionId === sessionId ? [sessionId, other] : [other, sessionId];
    await connector.claim(body.id, from);
    await connector.failed(body.id, from, "account_restricted");
    expect(await series("message.", "sessionId")).toEqual([
      ["queued", from],
      ["rerouted", to],
    ]);
    const { change } = await shownEvent(edge, "message.rerouted");
    expect(change).toEqual({ fromSessionId: from, reason: "account_restricted" });
  });

  it("that is moved to another time had each time in its own event", async () => {
    const at = (hours: number) => new Date(edge.services.now().getTime() + hours * 3_600_000).toISOString();
    const [first, second] = [at(1), at(2)];
    const { body } = await text(edge, { sendAt: first });
    await edge.api(`PATCH /v1/messages/${body.id}`, { sendAt: second });
    expect(await series("message.", "status", "sendAt")).toEqual([
      ["scheduled", "scheduled", first],
      ["scheduled", "scheduled", second],
    ]);
  });

  it("was not edited, revoked or deleted before", async () => {
    await receive(edge, sessionId);
    const steps = ["message.reaction", "message.edited", "message.reaction", "message.deleted", "message.revoked"];
    const times = [now()];
    for (const type of steps) {
      edge.advance(2000);
      times.push(now());
      const isByPerson = type === "message.reaction" || type === "message.edited";
      await connector.report(sessionId, type, { messageId, ...(isByPerson && { personId }) });
    }
    const [, , editedAt, , deletedAt, revokedAt] = times;
    expect(await series("message.", "status", "editedAt", "deletedAt", "revokedAt")).toEqual([
      ["received", "received", null, null, null],
      ["reaction", "received", null, null, null],
      ["edited", "received", editedAt, null, null],
      ["reaction", "received", editedAt, null, null],
      ["deleted", "received", editedAt, deletedAt, null],
      ["revoked", "revoked", editedAt, deletedAt, revokedAt],
    ]);
  });

  it("had the type that was known when it came", async () => {
    await receive(edge, sessionId, { type: "undecryptable" });
    edge.advance(1000);
    await receive(edge, sessionId);
    expect(await series("message.", "type")).toEqual([
      ["received", "undecryptable"],
      ["received", "text"],
    ]);
  });

  it("of the phone is sent, not received", async () => {
    await receive(edge, sessionId, { origin: "phone", personId: null, to: recipient, isOffline: true });
    const event = await shownEvent(edge, "message.received");
    expect(event).toMatchObject({
      isOffline: true,
      chatId,
      data: { direction: "outbound", status: "sent", from: null },
    });
  });

  it("is the one that the API shows, when nothing happened since", async () => {
    const { body } = await text(edge, { metadata: { orderId: "A-1" } });
    await connector.claim(body.id, sessionId);
    await connector.report(sessionId, "message.sent", { messageId: body.id, chatId });
    const { reactions: _r, votes: _v, isPinned: _p, isStarred: _s, ...shown } = await seeMessage(edge, body);
    expect((await shownEvent(edge, "message.sent")).data).toEqual({ ...shown, contentState: null });
  });
});

/** A verification that two wrong codes and a second message come to before the right code. */
const happened = async () => {
  const { id, delivery } = (await verify(edge)).body;
  const code = await edge.codeOf(id);
  await connector.claim(delivery!.messageId, sessionId);
  await connector.sent(delivery!.messageId, sessionId);
  await check(id, wrong(code));
  edge.advance(30_000);
  await verify(edge);
  await check(id, wrong(code));
  edge.advance(1000);
  return { id, first: delivery!.messageId, answer: await check(id, code) };
};

describe("a verification in its events", () => {
  it("has the attempts, sends and status of each event, also when it has ended", async () => {
    const { answer } = await happened();
    expect(answer.status).toBe(200);
    expect(await series("verification.", "status", "attemptsLeft", "sendsLeft", "approvedBy")).toEqual([
      ["created", "pending", 5, 4, null],
      ["check_failed", "pending", 4, 4, null],
      ["resent", "pending", 4, 3, null],
      ["check_failed", "pending", 3, 3, null],
      ["approved", "approved", 2, 3, "code"],
    ]);
  });

  it("shows the message with the code that each event is about, as it was then", async () => {
    const { first } = await happened();
    const deliveries = (await series("verification.", "delivery")).map(([type, delivery]) => {
      const { messageId: of, status } = delivery as { messageId: string; status: string };
      return [type, of === first ? "first" : "second", status];
    });
    expect(deliveries).toEqual([
      ["created", "first", "queued"],
      ["check_failed", "first", "sent"],
      ["resent", "second", "queued"],
      ["check_failed", "second", "queued"],
      ["approved", "second", "canceled"],
    ]);
  });

  it("was not switched to the user's message before that", async () => {
    const { delivery } = (await verify(edge, { route: { sessionId } })).body;
    await connector.claim(delivery!.messageId, sessionId);
    await connector.failed(delivery!.messageId, sessionId, "new_chats_locked");
    expect(await series("verification.", "mode")).toEqual([
      ["created", "push"],
      ["switched", "inbound"],
    ]);
  });

  it("shows each message with a code in its own events, without content", async () => {
    await happened();
    expect(await shownEvent(edge, "message.sent")).toMatchObject({
      verificationId: expect.stringMatching(/^ver_/) as string,
      data: { type: "code", lane: "otp", content: null, contentState: null, to: "+62812•••7890" },
    });
  });
});

describe("a session in its events", () => {
  it("has the state and reason of each event", async () => {
    edge.advance(1000);
    await connector.report(sessionId, "session.state", {
      state: "waiting",
      reason: "connection_lost",
      phone: "+6281200000001",
      revision: 1,
      attempts: 2,
      nextAttemptAt: now(),
    });
    edge.advance(1000);
    await connector.state(sessionId, "online");
    const detail = "The connection was lost; the session reconnects by itself.";
    expect(await series("session.state", "state", "reason", "detail", "attempts", "nextAttemptAt")).toEqual([
      ["state", "online", null, null, 0, null],
      ["state", "waiting", "connection_lost", detail, 2, null],
      ["state", "online", null, null, 0, null],
    ]);
  });

  it("has the limits and the proxy of each event", async () => {
    const shownProxy = { scheme: "socks5", host: "proxy.example.com", port: 1080, isHealthy: null };
    await edge.api(`PUT /v1/sessions/${sessionId}/proxy`, { url: "socks5://user:s3cret@proxy.example.com" });
    edge.advance(1000);
    await connector.report(sessionId, "session.proxy", { isHealthy: true });
    await connector.lock(sessionId);
    const until = new Date(edge.services.now().getTime() + 3_600_000).toISOString();
    edge.advance(1000);
    await connector.limits(sessionId, {});
    const free = { newChatsLockedUntil: null, newChats: null, pausedUntil: null };
    expect(await series("session.proxy", "proxy")).toEqual([
      ["proxy", shownProxy],
      ["proxy", { ...shownProxy, isHealthy: true }],
    ]);
    expect(await series("session.limits", "limits")).toEqual([
      ["limits", { ...free, newChatsLockedUntil: until }],
      ["limits", free],
    ]);
    expect(JSON.stringify(await shownEvents(edge))).not.toContain("s3cret");
  });

  it("had no account before one was linked", async () => {
    const id = await edge.addSession("pairing");
    edge.advance(1000);
    await connector.report(id, "session.state", {
      state: "online",
      reason: null,
      phone: "+6281200000009",
      revision: 1,
    });
    const events = (await shownEvents(edge)).filter((event) => event.sessionId === id);
    const phones = events.map(({ type, data }: Event) => [type, data?.["phone"]]);
    expect(phones).toEqual([
      ["session.state", null],
      ["session.account", "+6281200000009"],
      ["session.state", "+6281200000009"],
    ]);
  });
});
