import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Media, Message } from "@sandi/contracts";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { mp3Of, noise, sha256Of } from "../src/files.ts";
import { eventually, startTestStack, type TestStack } from "../src/harness.ts";

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ connectorEnv: () => ({ FFMPEG_PATH: "/none/ffmpeg" }) });
});
afterAll(() => stack.destroy());
afterEach(async () => {
  await fetch(`${stack.local.simulatorUrl}/faults`, { method: "DELETE" });
  await eventually("no transfer to be left", async () => (await transfers()).length === 0);
});

interface Shown {
  id: string;
  media?: { sha256: string };
}

/** The temporary folders of the connector. */
async function transfers(): Promise<string[]> {
  const folders = (await readdir(stack.dataFolder)).filter((name) => name.startsWith("sandi-media-"));
  const found = await Promise.all(folders.map((name) => readdir(join(stack.dataFolder, name)).catch(() => [])));
  return found.flat();
}

async function fault(what: object): Promise<void> {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ by: "companion", ...what });
  const answer = await fetch(`${stack.local.simulatorUrl}/faults`, { method: "POST", headers, body });
  expect(answer.status).toBe(201);
}

async function upload(bytes: Uint8Array<ArrayBuffer>): Promise<Media> {
  const answer = await fetch(`${stack.apiUrl}/v1/media?kind=document`, {
    method: "POST",
    headers: { authorization: `Bearer ${stack.local.apiKey}`, "content-type": "application/x-acme" },
    body: bytes,
  });
  expect(answer.status).toBe(201);
  return (await answer.json()) as Media;
}

async function send(body: object): Promise<string> {
  const { status, body: sent } = await stack.api<Message>("POST /v1/messages", { to: stack.local.userPhone, ...body });
  expect([status, sent.detail]).toEqual([202, undefined]);
  return sent.id;
}

const read = async (id: string) => (await stack.api<Message>(`GET /v1/messages/${id}`)).body;

const ended = (id: string) =>
  eventually("the message to end", async () => {
    const message = await read(id);
    return ["read", "failed"].includes(message.status) && message;
  });

const onPhone = async (sha256: string) =>
  ((await stack.inbox()) as Shown[]).filter(({ media }) => media?.sha256 === sha256);

/** What the connector logs of a message. */
const lineOf = (id: string) =>
  eventually("the connector's line", async () => {
    const line = stack.lines.find((each) => each.startsWith("connector {") && each.includes(id));
    return line && (JSON.parse(line.slice("connector ".length)) as object);
  });

/** A document that no other test sends. */
let documents = 0;
function newDocument(size = 300_000) {
  const bytes = noise(size);
  bytes.writeUInt32BE(++documents);
  const body = () => ({ type: "document", media: { data: bytes.toString("base64") } });
  return { bytes, sha256: sha256Of(bytes), body };
}

describe("a file on its way to WhatsApp", () => {
  it.each<[string, object]>([
    ["one host is down", { kind: "media-down", host: 1 }],
    ["both hosts are down for an attempt", { kind: "media-down", times: 4 }],
    ["the hosts refuse the token once", { kind: "media-error", at: "upload", status: 401, times: 2 }],
    ["the hosts fail for an attempt", { kind: "media-error", at: "upload", status: 500, times: 4 }],
    ["the hosts cannot be asked for once", { kind: "iq-error", xmlns: "w:m", code: 503, times: 1, by: undefined }],
  ])("arrives once when %s", async (_name, what) => {
    const { sha256, body } = newDocument();
    // Every session asks for the hosts once.
    if ("xmlns" in what) stack.connector.kill("SIGKILL");
    await fault(what);
    const { status, failure } = await ended(await send(body()));
    expect([status, failure]).toEqual(["read", null]);
    expect(await onPhone(sha256)).toHaveLength(1);
  });

  it("has its two parts timed in the connector's line, as a text has none", async () => {
    const [id, text] = [await send(newDocument().body()), await send({ type: "text", text: "Hello" })];
    await ended(id);
    await ended(text);
    const took = expect.any(Number) as number;
    expect(await lineOf(id)).toMatchObject({ outcome: "sent", fetchFileMs: took, uploadFileMs: took });
    expect(Object.keys(await lineOf(text)).filter((name) => name.endsWith("FileMs"))).toEqual([]);
  });

  it("fails with a reason when WhatsApp refuses it", async () => {
    await fault({ kind: "media-error", at: "upload", status: 413 });
    const { sha256, body } = newDocument();
    expect((await ended(await send(body()))).failure).toMatchObject({ reason: "media_refused" });
    expect(await onPhone(sha256)).toEqual([]);
  });

  it("fails with a reason when it was deleted meanwhile", async () => {
    await fault({ kind: "media-error", at: "upload", status: 500 });
    const { bytes } = newDocument();
    const { id: mediaId } = await upload(new Uint8Array(bytes));
    const id = await send({ type: "document", media: { mediaId } });
    await eventually("an attempt", async () => (await read(id)).status === "sending");
    expect((await stack.api(`DELETE /v1/media/${mediaId}`)).status).toBe(204);
    expect((await ended(id)).failure).toMatchObject({ reason: "media_unavailable" });
  });

  it("fails with a reason when nothing can convert it", async () => {
    const media = { data: mp3Of(10_000).toString("base64") };
    expect((await ended(await send({ type: "voice", media }))).failure).toMatchObject({ reason: "transcoder_missing" });
    const broken = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16]), Buffer.from("JFIF\0"), noise(999)]);
    const sticker = { type: "sticker", media: { data: broken.toString("base64") } };
    expect((await ended(await send(sticker))).failure).toMatchObject({ reason: "media_refused" });
  });

  it("arrives once when the connector is killed with -9 during its upload", async () => {
    await fault({ kind: "media-slow-upload", ms: 5000, times: 1 });
    const { sha256, body } = newDocument();
    const id = await send(body());
    await eventually("the upload to begin", async () => (await transfers()).length > 0);
    stack.connector.kill("SIGKILL");
    expect((await ended(id)).status).toBe("read");
    expect(await onPhone(sha256)).toHaveLength(1);
  });

  it("of 95 MiB is never whole in the connector's memory", async () => {
    const { bytes, sha256 } = newDocument(95 * 1024 * 1024);
    expect((await ended(await send(newDocument().body()))).status).toBe("read");
    const { id: mediaId } = await upload(new Uint8Array(bytes));
    const idle = await residentBytes();
    const id = await send({ type: "document", media: { mediaId }, fileName: "everything.bin" });
    let most = idle;
    await eventually("the message to end", async () => {
      most = Math.max(most, await residentBytes());
      return (await read(id)).status === "read";
    });
    const above = Math.round((most - idle) / 1e6);
    console.log(`95 MiB: the connector had ${Math.round(idle / 1e6)} MB, and at most ${above} MB more`);
    expect(await onPhone(sha256)).toHaveLength(1);
    // The collector lets up to 64 MB of chunks gather. A copy of the file would be more.
    expect(above).toBeLessThan(95);
  });
});

/** The memory of the connector that is in RAM. */
async function residentBytes(): Promise<number> {
  const status = await readFile(`/proc/${stack.connector.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}
