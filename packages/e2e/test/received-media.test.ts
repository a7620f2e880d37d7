import { readFile } from "node:fs/promises";
import type { Message, MessageList, MessageMedia, Session, SessionQr } from "@sandi/contracts";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { noise, pngOf, sha256Of } from "../src/files.ts";
import { eventually, startTestStack, type TestStack } from "../src/harness.ts";
import { largeFile, sendLarge, sha256Of as hashOf } from "../src/large-files.ts";

interface Events {
  events: { type: string; data: object }[];
}

let stack: TestStack;
let own = "";
beforeAll(async () => {
  stack = await startTestStack();
  own = (await stack.api<Session>(`GET /v1/sessions/${stack.local.sessionId}`)).body.phone ?? "";
});
afterAll(() => stack.destroy());
afterEach(async () => {
  await fetch(`${stack.local.simulatorUrl}/faults`, { method: "DELETE" });
});

async function fault(what: object): Promise<void> {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ by: "companion", ...what });
  expect((await fetch(`${stack.local.simulatorUrl}/faults`, { method: "POST", headers, body })).status).toBe(201);
}

const newest = async () => {
  const list = `GET /v1/messages?sessionId=${stack.local.sessionId}&direction=inbound&limit=1`;
  return (await stack.api<MessageList>(list)).body.messages[0];
};
const mediaOf = ({ content }: Message) => content?.["media"] as MessageMedia | undefined;
const read = async (id: string) => (await stack.api<Message>(`GET /v1/messages/${id}`)).body;

/** The message that arrives next. */
async function arrival(act: () => Promise<unknown>): Promise<string> {
  const before = await newest();
  await act();
  return eventually("the message in the API", async () => {
    const found = await newest();
    return found?.id !== before?.id && found?.id;
  });
}

const friend = "+6281377000001";
let friendSession = "";
/** Sends a file from another session: a body of the simulator holds no large one. */
async function sendLargeFile(size: number): Promise<{ id: string; sha256: string }> {
  const bytes = () => largeFile(Buffer.from(`file ${++written}`), size);
  if (friendSession === "") {
    await stack.addPhone(friend);
    friendSession = (await stack.api<Session>("POST /v1/sessions", { name: "A friend" })).body.id;
    const qr = await eventually("a QR code", async () => {
      const { status, body } = await stack.api<SessionQr>(`GET /v1/sessions/${friendSession}/qr`);
      return status === 200 && body.qr;
    });
    await stack.scan(friend, qr);
    const state = async () => (await stack.api<Session>(`GET /v1/sessions/${friendSession}`)).body.state;
    await eventually("the other session to be online", async () => (await state()) === "online");
  }
  const file = [...bytes()];
  const answer = await sendLarge(`${stack.apiUrl}/v1/media?kind=document`, {
    method: "POST",
    headers: { ...asKey(), "content-type": "application/x-acme", "content-length": String(size) },
    body: file,
  });
  expect(answer.status).toBe(201);
  const { id: mediaId } = JSON.parse(answer.text) as { id: string };
  const message = { sessionId: friendSession, to: own, type: "document", media: { mediaId } };
  const id = await arrival(async () => expect((await stack.api("POST /v1/messages", message)).status).toBe(202));
  return { id, sha256: hashOf(file) };
}

let written = 0;
/** A file that no other test sends, written on the user's phone. */
async function write(size = 300_000, more: object = {}) {
  const bytes = noise(size);
  bytes.writeUInt32BE(++written);
  const media = { type: "document", mimeType: "application/x-acme", fileName: "a.bin", data: bytes.toString("base64") };
  const id = await arrival(() => stack.write(stack.local.userPhone ?? "", { to: own, ...media, ...more }));
  return { id, bytes };
}

const ended = (id: string) =>
  eventually("the fetch to end", async () => {
    const media = mediaOf(await read(id));
    return media && media.mediaState !== "pending" && media;
  });

const get = async (url: string, headers: Record<string, string> = {}) => {
  const answer = await fetch(url, { headers });
  return { status: answer.status, headers: answer.headers, bytes: Buffer.from(await answer.arrayBuffer()) };
};
const asKey = () => ({ authorization: `Bearer ${stack.local.apiKey}` });
const stored = async () => (await stack.api<Session>(`GET /v1/sessions/${stack.local.sessionId}`)).body.settings;

async function set(mediaDownload: string): Promise<void> {
  const path = `PATCH /v1/sessions/${stack.local.sessionId}`;
  expect((await stack.api(path, { settings: { mediaDownload } })).status).toBe(200);
  expect(await stored()).toEqual({ mediaDownload });
}

describe("a photo that is written on a phone", () => {
  it("is read by key and by signed link byte by byte, with ranges", async () => {
    const photo = pngOf(400, 300);
    const more = { type: "image", mimeType: "image/png", fileName: undefined, caption: "My receipt" };
    const { id } = await write(4, { ...more, width: 400, height: 300, data: photo.toString("base64") });
    const media = await ended(id);
    expect((await read(id)).content).toMatchObject({ type: "image", caption: "My receipt" });
    expect(media).toMatchObject({
      mediaState: "stored",
      mimeType: "image/png",
      sizeBytes: photo.length,
      sha256: sha256Of(photo),
      width: 400,
      height: 300,
    });
    const { contentPath, url } = media as { contentPath: string; url: string };
    for (const file of [await get(stack.apiUrl + contentPath, asKey()), await get(url)]) {
      expect([file.status, file.bytes.equals(photo)]).toEqual([200, true]);
      expect(file.headers.get("content-type")).toBe("image/png");
      expect(file.headers.get("content-length")).toBe(String(photo.length));
    }
    const part = await get(url, { range: "bytes=1000-1999" });
    expect([part.status, part.bytes.equals(photo.subarray(1000, 2000))]).toEqual([206, true]);
    const { status, headers } = await get(url, { range: `bytes=${photo.length}-` });
    expect([status, headers.get("content-range")]).toEqual([416, `bytes */${photo.length}`]);
    expect((await get(url.replace(/.$/, (last) => (last === "A" ? "B" : "A")))).status).toBe(403);
    expect((await get(stack.apiUrl + contentPath)).status).toBe(401);

    const { events } = (await stack.api<Events>(`GET /v1/messages/${id}/events`)).body;
    const { mediaId } = media;
    expect(events.at(-1)).toMatchObject({ type: "message.media", data: { mediaState: "stored", mediaId } });
    const { body } = await stack.api<MessageMedia>(`POST /v1/messages/${id}/media`);
    expect(body).toMatchObject({ mediaId, mediaState: "stored" });
  });

  it("can be sent on to somebody else", async () => {
    const { id, bytes } = await write();
    const { mediaId } = await ended(id);
    const to = stack.local.userPhone;
    const { body } = await stack.api<Message>("POST /v1/messages", { to, type: "document", media: { mediaId } });
    await eventually("it is read", async () => (await read(body.id)).status === "read");
    const inbox = (await stack.inbox()) as { media?: { sha256: string } }[];
    expect(inbox.filter(({ media }) => media?.sha256 === sha256Of(bytes))).toHaveLength(1);
  });
});

describe("the file of a received message", () => {
  it("arrives once when the connector is killed with -9 while the edge stores it", async () => {
    const { id, sha256 } = await sendLargeFile(30_000_000);
    expect(mediaOf(await read(id))?.mediaState).toBe("pending");
    stack.connector.kill("SIGKILL");
    const media = await ended(id);
    expect(media).toMatchObject({ mediaState: "stored", sha256 });
    expect(sha256Of((await get(media.url ?? "")).bytes)).toBe(sha256);
  });

  it("that the edge has before its connector knows is stored once", async () => {
    await set("onDemand");
    const { id } = await write();
    expect(mediaOf(await read(id))).toMatchObject({ mediaState: "not_fetched", mediaId: null, url: null });
    const ask = () => stack.api<MessageMedia>(`POST /v1/messages/${id}/media`);
    const answers = await Promise.all([ask(), ask(), ask()]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(new Set(answers.map(({ body }) => body.mediaId)).size).toBe(1);
    // The answer may be quicker than the connector's report.
    const reports = await eventually("the report", async () => {
      const { events } = (await stack.api<Events>(`GET /v1/messages/${id}/events`)).body;
      const found = events.filter(({ type }) => type === "message.media");
      return found.length > 0 && found;
    });
    expect(reports).toHaveLength(1);
  });

  it("is fetched again after it was deleted, also when WhatsApp's hosts have it no more", async () => {
    const { id, bytes } = await write();
    const ask = () => stack.api<MessageMedia>(`POST /v1/messages/${id}/media`);
    const { mediaId } = (await ask()).body;
    expect((await stack.api(`DELETE /v1/media/${mediaId}`)).status).toBe(204);
    expect(mediaOf(await read(id))).toMatchObject({ mediaState: "deleted", mediaId: null });
    await fault({ kind: "media-error", status: 404, at: "download", times: 2 });
    const { status, body } = await ask();
    expect([status, body.mediaState, body.mediaId === mediaId]).toEqual([200, "stored", false]);
    expect((await get(body.url ?? "")).bytes.equals(bytes)).toBe(true);
    await set("all");
  });

  it("goes when its author deletes the message", async () => {
    const { id, bytes } = await write();
    const { url } = await ended(id);
    const answer = await fetch(`${stack.local.simulatorUrl}/phones/${stack.local.userPhone}/messages`);
    const messages = (await answer.json()) as { id: string; media?: { sha256: string } }[];
    const shown = messages.find(({ media }) => media?.sha256 === sha256Of(bytes));
    await stack.write(stack.local.userPhone ?? "", { to: own, delete: shown?.id } as never);
    await eventually("it is revoked", async () => (await read(id)).status === "revoked");
    expect((await get(url ?? "")).status).toBe(404);
    expect((await read(id)).content).toBeNull();
  });

  it("of 95 MiB is never whole in the connector's memory", async () => {
    await ended((await sendLargeFile(1_000_000)).id);
    const idle = await residentBytes();
    const { id, sha256 } = await sendLargeFile(95 * 1024 * 1024);
    let most = idle;
    const media = await eventually("the fetch to end", async () => {
      most = Math.max(most, await residentBytes());
      const now = mediaOf(await read(id));
      return now && now.mediaState !== "pending" && now;
    });
    const above = Math.round((most - idle) / 1e6);
    console.log(`95 MiB: the connector had ${Math.round(idle / 1e6)} MB, and at most ${above} MB more`);
    expect(media).toMatchObject({ mediaState: "stored", sha256 });
    expect(above).toBeLessThan(95);
  });
});

/** The memory of the connector that is in RAM. */
async function residentBytes(): Promise<number> {
  const status = await readFile(`/proc/${stack.connector.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}
