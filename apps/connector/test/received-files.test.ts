import { createHash, randomBytes } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { type ConnectorEvent, mediaDownloadHeader, type StoredMessage } from "@sandi/contracts";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { until } from "./support/fake-edge.ts";
import { type Rig, startRig, workspaceId } from "./support/rig.ts";

const own = "+6281200000001";
const user = "+6281300000002";
const erased = "+6281300000003";
const trusted = getCACertificates("default");
const file = randomBytes(200_001);
const sha256 = createHash("sha256").update(file).digest("hex");
const image = { type: "image", caption: "look", mimeType: "image/png", width: 4, data: file.toString("base64") };

let rig: Rig;
let sessionId: string;
/** How much later the clock is. */
let laterMs = 0;
const clock = () => new Date(Date.now() + laterMs);
beforeAll(async () => {
  rig = await startRig({ services: { chance: () => 0, now: clock } });
  setDefaultCACertificates([...trusted, rig.simulator.media.certificate]);
  sessionId = await rig.pair(own);
  rig.simulator.createPhone({ number: user });
});
afterAll(async () => {
  setDefaultCACertificates(trusted);
  await rig.close();
});
beforeEach(() => {
  rig.edge.takesNoFiles = false;
  rig.edge.contentMs = {};
});
afterEach(() => rig.simulator.clearFaults());

type Event<Type extends ConnectorEvent["type"]> = Extract<ConnectorEvent, { type: Type }>;
const eventsOf = <Type extends ConnectorEvent["type"]>(type: Type, messageId?: string) =>
  rig.edge.events.filter(
    (event): event is Event<Type> =>
      event.type === type && (messageId === undefined || ("messageId" in event && event.messageId === messageId)),
  );
const messages = () => eventsOf("message.received").flatMap(({ message }) => message ?? []);

/** Writes, and waits until the message is at the edge. */
async function written(more: object = {}, from = user) {
  const before = messages().length;
  const { id } = await rig.simulator.send(from, { to: own, ...image, ...more } as never);
  return { waId: id, ...(await until("it is reported", () => messages()[before])) };
}

const ended = (messageId: string, count = 1) =>
  until("the fetch has ended", () => eventsOf("message.media", messageId)[count - 1]);

const mediaOf = async (messageId: string) =>
  (await contentOf(messageId))?.["media"] as Record<string, unknown> | undefined;

async function contentOf(messageId: string) {
  const response = await rig.edge.rpc("/rpc/messages/read", { sessionId, messageIds: [messageId] });
  const [message] = ((await response.json()) as { messages: StoredMessage[] }).messages;
  return message?.content;
}

async function ask(messageId: string) {
  const response = await rig.edge.rpc("/rpc/messages/media", { sessionId, messageId });
  const body = (await response.json()) as { media?: Record<string, unknown>; code?: string };
  return [response.status, body.media?.["mediaState"] ?? body.code] as const;
}

let revision = 1;
async function setMediaDownload(setting: string): Promise<void> {
  const job = { sessionId, workspaceId, desired: "running", revision: ++revision, proxy: null };
  const { status } = await rig.edge.deliver("/jobs/session", job, { headers: { [mediaDownloadHeader]: setting } });
  expect(status).toBe(200);
  await until("it is confirmed", () => eventsOf("session.state").some((event) => event.revision === revision));
}

function rows(sql: string): Record<string, unknown>[] {
  const db = new DatabaseSync(join(rig.folder, "connector.db"), { timeout: 5000 });
  try {
    return db.prepare(sql).all();
  } finally {
    db.close();
  }
}

const download = (messageId: string) =>
  rows(
    `SELECT state, attempts, due_at FROM download JOIN message USING (session_id, wa_id) WHERE id = '${messageId}'`,
  )[0];
const hasFailed = (messageId: string) =>
  until("an attempt has failed", () => Number(download(messageId)?.["attempts"] ?? 0) > 0);

const fault = (what: object) => rig.simulator.setFault({ by: "companion", ...what } as never);
const isOnline = () => until("it is online", () => rig.edge.statesOf(sessionId).at(-1) === "online");

describe("the file of a received message", () => {
  test("is stored at the edge byte by byte, once, and reported", async () => {
    const { messageId } = await written();
    const { mediaState, mediaId } = await ended(messageId);
    const stored = rig.edge.files.get(messageId);
    expect([mediaState, mediaId]).toEqual(["stored", stored?.mediaId]);
    expect(stored?.bytes.equals(file)).toBe(true);
    expect(await mediaOf(messageId)).toEqual({
      mediaId,
      mediaState: "stored",
      mimeType: "image/png",
      sizeBytes: file.length,
      sha256,
      width: 4,
    });
    expect(rig.edge.uploads.filter((id) => id === messageId)).toHaveLength(1);
  });

  test("is stored as well if the owner sent it on the phone, or somebody in a group", async () => {
    const { messageId } = await written({ to: user }, own);
    expect((await ended(messageId)).mediaState).toBe("stored");
    const { id: jid } = rig.simulator.createGroup(user, { subject: "Tim", participants: [own] });
    const inGroup = await written({ to: jid });
    expect((await ended(inGroup.messageId)).mediaState).toBe("stored");
  });

  test.each([
    ["media-damaged", { how: "tampered" }, "damaged"],
    ["media-damaged", { how: "truncated" }, "damaged"],
    ["media-error", { status: 404, at: "download" }, "unavailable"],
  ])("that %s %j is given up, and fetched when somebody asks", async (kind, more, state) => {
    fault({ kind, ...more });
    const { messageId } = await written();
    expect(await ended(messageId)).toMatchObject({ mediaState: state, mediaId: null });
    expect(await mediaOf(messageId)).toMatchObject({ mediaState: state, mediaId: null });
    rig.simulator.clearFaults();
    expect(await ask(messageId)).toEqual([200, "stored"]);
    expect((await ended(messageId, 2)).mediaId).toBe(rig.edge.files.get(messageId)?.mediaId);
  });

  test("is fetched again by itself when the edge did not take it, and after a restart", async () => {
    rig.edge.takesNoFiles = true;
    const { messageId } = await written();
    await hasFailed(messageId);
    expect(await mediaOf(messageId)).toMatchObject({ mediaState: "pending", mediaId: null });
    await rig.stop();
    rig.edge.takesNoFiles = false;
    laterMs += 10_000;
    await rig.start();
    expect((await ended(messageId)).mediaState).toBe("stored");
  });

  test("is fetched again by itself when the hosts were down", async () => {
    fault({ kind: "media-down", times: 2 });
    const { messageId } = await written();
    expect((await ended(messageId)).mediaState).toBe("stored");
  });

  test("is given up after the last attempt", async () => {
    rig.edge.takesNoFiles = true;
    const { messageId } = await written();
    await hasFailed(messageId);
    await rig.stop();
    rows("UPDATE download SET attempts = 9, due_at = 0 WHERE due_at IS NOT NULL RETURNING 1");
    await rig.start();
    expect(await ended(messageId)).toMatchObject({ mediaState: "unavailable", mediaId: null });
  });

  test("is not stored if its author deletes the message first, or meanwhile", async () => {
    rig.edge.takesNoFiles = true;
    const { waId, messageId } = await written();
    await hasFailed(messageId);
    await rig.simulator.send(user, { to: own, delete: waId });
    await until("it is reported", () => eventsOf("message.revoked", messageId)[0]);
    expect(download(messageId)).toBeUndefined();
    expect(await ask(messageId)).toEqual([404, "media-not-found"]);
    rig.edge.takesNoFiles = false;
    const next = await written();
    await ended(next.messageId);
    expect(rig.edge.files.has(messageId)).toBe(false);
    expect(eventsOf("message.media", messageId)).toEqual([]);
  });

  test("is not stored if the edge says that its message is gone", async () => {
    rig.edge.takesNoFiles = true;
    const { messageId } = await written();
    rig.edge.deleted.add(messageId);
    rig.edge.takesNoFiles = false;
    expect(await ended(messageId)).toMatchObject({ mediaState: "unavailable", mediaId: null });
  });

  test("is given back if its message is deleted during the upload", async () => {
    rig.edge.onUpload = async (messageId) => {
      rig.edge.onUpload = undefined;
      rows(`DELETE FROM message WHERE id = '${messageId}' RETURNING 1`);
    };
    const { messageId } = await written();
    const { mediaId } = { ...(await ended(messageId)) };
    expect(eventsOf("message.media", messageId)).toMatchObject([{ mediaState: "unavailable", mediaId }]);
    expect(mediaId).toBe(rig.edge.files.get(messageId)?.mediaId);
  });

  test("for the phone alone is not fetched", async () => {
    const { messageId } = await written({ isViewOnce: true });
    const next = await written();
    await ended(next.messageId);
    expect(eventsOf("message.media", messageId)).toEqual([]);
    expect(await ask(messageId)).toEqual([404, "media-not-found"]);
  });

  test("keeps its data when the caption is edited", async () => {
    const { waId, messageId } = await written();
    await ended(messageId);
    const before = await mediaOf(messageId);
    await rig.simulator.send(user, { to: own, edit: waId, text: "halo!" });
    await until("it is reported", () => eventsOf("message.edited", messageId)[0]);
    expect(await contentOf(messageId)).toEqual({ type: "image", caption: "halo!", media: before });
  });
});

describe("the setting mediaDownload", () => {
  afterEach(() => setMediaDownload("all"));

  test("holds for messages that arrive after it, without another connection", async () => {
    const { logins } = rig.simulator.stats();
    await setMediaDownload("onDemand");
    const { messageId } = await written();
    expect(await mediaOf(messageId)).toMatchObject({ mediaState: "not_fetched", mediaId: null });
    expect(await Promise.all([ask(messageId), ask(messageId)])).toEqual([
      [200, "stored"],
      [200, "stored"],
    ]);
    expect(rig.edge.uploads.filter((id) => id === messageId)).toHaveLength(1);
    expect(rig.edge.files.get(messageId)?.bytes.equals(file)).toBe(true);
    await setMediaDownload("none");
    const other = await written();
    expect(await ask(other.messageId)).toEqual([409, "media-download-off"]);
    expect(await mediaOf(other.messageId)).toMatchObject({ mediaState: "not_fetched" });
    expect(rig.simulator.stats().logins).toBe(logins);
    expect(eventsOf("message.media", other.messageId)).toEqual([]);
  });

  test("stays when a job of an older edge does not name it", async () => {
    await setMediaDownload("onDemand");
    const { logins } = rig.simulator.stats();
    await rig.setDesiredState({ sessionId, revision: ++revision });
    await until("it is online again", () => rig.simulator.stats().logins > logins);
    await isOnline();
    const { messageId } = await written();
    expect(await mediaOf(messageId)).toMatchObject({ mediaState: "not_fetched" });
  });
});

test("an old file that the hosts have no more is uploaded again by the phone", async () => {
  await setMediaDownload("onDemand");
  const { waId, messageId } = await written();
  await until("the own phone has the file", () =>
    rig.simulator.messages(own).some(({ id, media }: { id: string; media?: object }) => id === waId && media),
  );
  fault({ kind: "media-error", status: 410, at: "download", times: 2 });
  expect(await ask(messageId)).toEqual([200, "stored"]);
  await setMediaDownload("all");
});

test("a policy that keeps no contents fetches nothing", async () => {
  rig.edge.contentMs = { [sessionId]: 0 };
  await written({ type: "text", text: "halo" });
  const isKnown = () => rows(`SELECT 1 FROM session WHERE id = '${sessionId}' AND content_ms = 0`)[0];
  await until("the session knows", isKnown);
  const { messageId } = await written();
  expect(download(messageId)).toBeUndefined();
  expect(await ask(messageId)).toEqual([404, "media-not-found"]);
  rig.edge.contentMs = { [sessionId]: 86_400_000 };
  await written({ type: "text", text: "halo" });
  await until("the session knows", () => isKnown() === undefined);
});

test("files of a person who is erased are named to the edge", async () => {
  await setMediaDownload("all");
  rig.simulator.createPhone({ number: erased });
  const { messageId, chatId } = await written({}, erased);
  const { mediaId } = await ended(messageId);
  const request = { sessionId, requestedAt: clock().toISOString(), phones: [], lids: [], chatIds: [chatId] };
  const { mediaIds } = (await (await rig.edge.rpc("/rpc/people/erase", request)).json()) as { mediaIds: string[] };
  expect(mediaIds).toContain(mediaId);
  expect(download(messageId)).toBeUndefined();
});

test("a session that is not online fetches nothing now", async () => {
  await setMediaDownload("onDemand");
  const { messageId } = await written();
  await rig.setDesiredState({ sessionId, desired: "stopped", revision: ++revision });
  expect(await ask(messageId)).toEqual([409, "session-not-online"]);
});

test("what is due goes with the session's contents when its account is unlinked", async () => {
  expect(rows("SELECT 1 FROM download").length).toBeGreaterThan(0);
  await rig.setDesiredState({ sessionId, desired: "logged_out", revision: ++revision });
  await until("it has ended", () => rig.edge.statesOf(sessionId).at(-1) === "ended/logged_out");
  expect(rows("SELECT 1 FROM download")).toEqual([]);
});
