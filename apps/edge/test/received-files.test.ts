import type { MediaState, Message, MessageMedia, Session, StoredMessage } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { bytesOf, pattern, receiveFile, sha256 } from "./media-world.ts";
import { connectorOf, recipient, seeMessage, text } from "./senders.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;
/** What the connector says of the file. */
let described: Record<string, unknown>;
/** What the connector answers when it is asked to fetch it, and what it does. */
let fetching: () => Promise<{ status: number; body: unknown }>;
let asked: string[];
const messageId = "msg_01jd3k9v7hq2w8x5n4b6m0c1t1";
const file = pattern(100_000);
const day = 86_400_000;

const stored = (): Partial<StoredMessage>[] => [
  {
    id: messageId,
    from: null,
    content: { type: "image", caption: "look", media: described },
    quotedMessageId: null,
    reactions: [],
    votes: [],
  },
];

beforeEach(async () => {
  sessionId = await edge.addSession();
  described = {
    mediaId: null,
    mediaState: "pending",
    mimeType: "image/jpeg",
    sizeBytes: 9,
    sha256: sha256(file),
    width: 4,
  };
  fetching = async () => ({ status: 200, body: { media: described } });
  asked = [];
  edge.connector = async (path) => {
    asked.push(path);
    return path === "/rpc/messages/media" ? fetching() : { status: 200, body: { messages: stored() } };
  };
});

const receive = async (more: object = {}) => {
  const message = {
    messageId,
    chatId: "cht_01jd3k9v7hq2w8x5n4b6m0c1t0",
    chatKind: "person",
    personId: null,
    origin: null,
    to: null,
    type: "image",
    isViewOnce: false,
    isOffline: false,
    ...more,
  };
  const event = { from: recipient, token: null, isForwarded: false, message };
  await connectorOf(edge).report(sessionId, "message.received", event);
};
const arrive = () => receiveFile(edge, { sessionId, messageId }, file);
const mediaOf = async () => (await seeMessage(edge, { id: messageId })).content?.["media"] as MessageMedia;
const say = (mediaState: MediaState, mediaId: string | null = null) =>
  Object.assign(described, { mediaState, mediaId });
const ask = (more: object = {}) => edge.api<MessageMedia>(`POST /v1/messages/${messageId}/media`, undefined, more);
const left = async () => {
  await edge.settled();
  return [await edge.count("media"), edge.media.objects.size];
};

describe("the file of a received message", () => {
  it("is in its content with a path for keys and a link for a day, each to the same bytes", async () => {
    await receive();
    expect(await mediaOf()).toMatchObject({ mediaState: "pending", mediaId: null, url: null, contentPath: null });
    const { mediaId } = await arrive();
    say("stored", mediaId);
    const media = await mediaOf();
    expect(media).toEqual({
      mediaId,
      mediaState: "stored",
      mimeType: "image/jpeg",
      sizeBytes: 9,
      sha256: sha256(file),
      width: 4,
      fileName: "a.jpg",
      contentPath: `/v1/media/${mediaId}/content`,
      url: expect.stringMatching(/^https:\/\/api\.test\/v1\/media\/.+\?signature=/),
    });
    expect(await bytesOf(await edge.fetch(new Request(media.url!)))).toEqual(file);
    const read = (key: string) => {
      const headers = { authorization: `Bearer ${key}`, range: "bytes=10-19" };
      return edge.fetch(new Request(`https://api.test${media.contentPath}`, { headers }));
    };
    expect(await bytesOf(await read(edge.workspace.key))).toEqual(file.slice(10, 20));
    const sender = await edge.addKey(edge.workspace.id, ["message:send"]);
    const stranger = await edge.addWorkspace();
    expect([(await read(sender)).status, (await read(stranger.key)).status]).toEqual([404, 404]);
    edge.advance(day + 1);
    expect((await edge.fetch(new Request(media.url!))).status).toBe(403);
  });

  it("is `deleted` when it was deleted, and not a file of another workspace", async () => {
    await receive();
    const { mediaId } = await arrive();
    say("stored", mediaId);
    expect((await edge.api(`DELETE /v1/media/${mediaId}`)).status).toBe(204);
    expect(await mediaOf()).toMatchObject({ mediaState: "deleted", mediaId: null, url: null });
    const { id, key } = await edge.addWorkspace();
    const foreign = await receiveFile(edge, { sessionId: await edge.addSession("online", id), messageId }, file);
    say("stored", foreign.mediaId);
    expect(await mediaOf()).toMatchObject({ mediaState: "deleted", mediaId: null });
    expect((await edge.api(`GET /v1/media/${foreign.mediaId}`, undefined, { key })).status).toBe(200);
  });

  it("is reported in the timeline", async () => {
    await receive();
    edge.advance(1000);
    const { mediaId } = await arrive();
    await connectorOf(edge).report(sessionId, "message.media", { messageId, mediaState: "stored", mediaId });
    const { body } = await edge.api<{ events: { type: string; data: object }[] }>(
      `GET /v1/messages/${messageId}/events`,
    );
    expect(body.events.at(-1)).toMatchObject({ type: "message.media", data: { mediaState: "stored", mediaId } });
  });

  it("goes when its author deletes the message, and does not come afterwards", async () => {
    await receive();
    await arrive();
    expect(await left()).toEqual([1, 1]);
    await connectorOf(edge).report(sessionId, "message.revoked", { messageId });
    expect(await edge.count("media")).toBe(0);
    expect((await arrive()).mediaId).toBeNull();
    expect(await edge.count("media")).toBe(0);
    expect((await ask()).status).toBe(404);
  });

  it("goes when the account deletes the message for itself, or its connector finds it deleted after the upload", async () => {
    await receive();
    await arrive();
    await connectorOf(edge).report(sessionId, "message.deleted", { messageId });
    expect(await edge.count("media")).toBe(0);
    expect((await arrive()).mediaId).toBeNull();
    await edge.client.execute("UPDATE message SET deleted_at = NULL");
    const { mediaId } = await arrive();
    await connectorOf(edge).report(sessionId, "message.media", { messageId, mediaState: "unavailable", mediaId });
    expect(await edge.count("media")).toBe(0);
  });

  it.each(["keep", "pass"] as const)("is kept by the policy %s, for 72 hours with `pass`", async (messageContent) => {
    await edge.api("PATCH /v1/workspace", { policy: { messageContent } });
    const { mediaId } = await arrive();
    const read = () => edge.api<{ expiresAt: string | null }>(`GET /v1/media/${mediaId}`);
    const end = new Date(edge.services.now().getTime() + 3 * day).toISOString();
    const isPassed = messageContent === "pass";
    expect((await read()).body.expiresAt).toBe(isPassed ? end : null);
    edge.advance(3 * day);
    expect((await read()).status).toBe(isPassed ? 404 : 200);
  });

  it("is not stored with the policy drop", async () => {
    await edge.api("PATCH /v1/workspace", { policy: { messageContent: "drop" } });
    expect((await arrive()).mediaId).toBeNull();
    expect(await left()).toEqual([0, 0]);
  });

  it("goes with its session, and when the account is unlinked, but not when the session is exported", async () => {
    const report = (reason: string | null, phone: string | null, seq: number) => {
      const more = { state: phone === null ? "ended" : "online", reason, phone, revision: seq };
      return connectorOf(edge).report(sessionId, "session.state", { ...more, seq });
    };
    await report(null, "+6281200000001", 1);
    await arrive();
    await report("exported", null, 2);
    expect(await edge.count("media")).toBe(1);
    await report(null, "+6281200000001", 3);
    await report("logged_out", null, 4);
    expect(await edge.count("media")).toBe(0);
    await arrive();
    await edge.client.execute("DELETE FROM session");
    expect(await edge.count("media")).toBe(0);
    expect((await arrive()).status).toBe(404);
  });

  it("counts as received megabytes of the workspace, apart from uploads", async () => {
    const counted: unknown[] = [];
    const { redis } = edge;
    edge.redis = async (command, timeoutMs) => {
      counted.push(...command.filter((part) => String(part).includes("-megabytes")));
      return redis(command, timeoutMs);
    };
    await arrive();
    expect(counted).toEqual([`limit:{${edge.workspace.id}}:received-megabytes:live`]);
    edge.redis = async () => [0, 10_000, 1000];
    expect((await receiveFile(edge, { sessionId, messageId: "msg_2" }, file)).status).toBe(429);
    expect(await left()).toEqual([1, 1]);
  });
});

describe("POST /v1/messages/{id}/media", () => {
  it("answers a stored file without its connector", async () => {
    await receive();
    const { mediaId } = await arrive();
    edge.connector = () => undefined;
    const { status, body } = await ask();
    expect([status, body.mediaState, body.mediaId, body.fileName]).toEqual([200, "stored", mediaId, "a.jpg"]);
    expect(await bytesOf(await edge.fetch(new Request(body.url!)))).toEqual(file);
  });

  it("asks the connector to fetch it", async () => {
    await receive();
    fetching = async () => {
      say("stored", (await arrive()).mediaId);
      return { status: 200, body: { media: described } };
    };
    const { status, body } = await ask();
    expect([status, body.mediaState, body.width]).toEqual([200, "stored", 4]);
    expect(asked).toEqual(["/rpc/messages/media"]);
    expect((await ask()).body.mediaId).toBe(body.mediaId);
    expect(asked).toHaveLength(1);
  });

  it("waits for a file that is on its way, and then answers 202", async () => {
    await receive();
    let looks = 0;
    const { sleep } = edge.services;
    edge.services.sleep = async () => {
      if (++looks === 3) await arrive();
    };
    expect([(await ask()).status, looks]).toEqual([200, 3]);
    await edge.client.execute("DELETE FROM media");
    edge.services.sleep = async () => undefined;
    const { status, body } = await ask();
    expect([status, body.mediaState, body.mediaId, body.url]).toEqual([202, "pending", null, null]);
    edge.services.sleep = sleep;
  });

  it.each(["unavailable", "damaged", "too_large"] as const)("answers that it is %s", async (state) => {
    await receive();
    say(state);
    const { status, body } = await ask();
    expect([status, body.mediaState, body.mediaId]).toEqual([200, state, null]);
  });

  it.each([
    [409, "session-not-online"],
    [409, "media-download-off"],
    [404, "media-not-found"],
  ])("passes on %i %s", async (status, code) => {
    await receive();
    fetching = async () => ({ status, body: { code } });
    const answer = await ask();
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  it("runs again with the same Idempotency-Key", async () => {
    await receive();
    const headers = { "idempotency-key": "a" };
    edge.services.sleep = async () => undefined;
    expect((await ask({ headers })).status).toBe(202);
    await edge.settled();
    await arrive();
    expect((await ask({ headers })).status).toBe(200);
  });

  it("is for keys with message:read of the same workspace, and for received messages", async () => {
    await receive();
    const key = await edge.addKey(edge.workspace.id, ["message:send"]);
    expect((await ask({ key })).status).toBe(403);
    expect((await ask({ key: (await edge.addWorkspace()).key })).body.code).toBe("message-not-found");
    const { id } = (await text(edge, { sessionId })).body;
    const sent = await edge.api<Message>(`POST /v1/messages/${id}/media`);
    expect([sent.status, sent.body.code]).toEqual([404, "media-not-found"]);
    expect(asked).toEqual([]);
  });
});

const change = (mediaDownload: string) =>
  edge.api<Session>(`PATCH /v1/sessions/${sessionId}`, { settings: { mediaDownload } });

describe("a session's setting mediaDownload", () => {
  it("is `all` at first, and reaches the connector as a new revision", async () => {
    expect((await edge.api<Session>(`GET /v1/sessions/${sessionId}`)).body.settings).toEqual({ mediaDownload: "all" });
    const { status, body } = await change("onDemand");
    await edge.settled();
    expect([status, body.settings]).toEqual([200, { mediaDownload: "onDemand" }]);
    expect(edge.jobs.at(-1)).toMatchObject({ kind: "session", mediaDownload: "onDemand", body: { sessionId } });
    const [row] = await edge.rows("SELECT revision FROM session WHERE id = ?", sessionId);
    expect(edge.jobs.at(-1)?.body).toMatchObject({ revision: row?.["revision"] });
    expect(await edge.rows("SELECT action FROM audit WHERE action = 'session.settings_changed'")).toHaveLength(1);
  });

  it("changes nothing when it is the same", async () => {
    await change("all");
    await edge.settled();
    expect(edge.jobs).toEqual([]);
    expect(await edge.rows("SELECT action FROM audit WHERE action = 'session.settings_changed'")).toEqual([]);
  });

  it.each([{ settings: {} }, { settings: { mediaDownload: "some" } }, { settings: { calls: "ring" } }])(
    "is refused as %j",
    async (body) => {
      expect((await edge.api(`PATCH /v1/sessions/${sessionId}`, body)).status).toBe(400);
    },
  );
});
