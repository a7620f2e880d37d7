import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { type InboundMedia, inboundMediaText, readInboundMediaHeaders } from "@sandi/contracts";
import { createTokenVerifier } from "@sandi/crypto";
import type { Simulator } from "@sandi/whatsapp-simulator";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { OpenSocket, WhatsAppSocket } from "../src/baileys/socket.ts";
import { fromProto } from "../src/content/content.ts";
import { fileIn, mediaIn } from "../src/content/media.ts";
import type { WireMessage } from "../src/content/wire.ts";
import { readConfig } from "../src/config.ts";
import { createEdgeFiles, type EdgeFiles } from "../src/edge-files.ts";
import { createStoreInbound } from "../src/media/store-inbound.ts";
import { systemServices } from "../src/services.ts";
import { until } from "./support/fake-edge.ts";
import { type Rig, startRig } from "./support/rig.ts";

const own = "+6281200000001";
const user = "+6281300000002";
const chat = `${user.slice(1)}@s.whatsapp.net`;
const trusted = getCACertificates("default");
const file = randomBytes(300_001);
const sha256 = createHash("sha256").update(file).digest("hex");
const data = file.toString("base64");

let rig: Rig;
let simulator: Simulator;
let sessionId: string;
let socket: WhatsAppSocket;
/** What arrived at the edge: complete files only. */
let stored: { media: InboundMedia; bytes: Buffer }[] = [];
let isEdgeDown = false;
/** Messages as Baileys decrypts them, by WhatsApp's id. */
const received = new Map<string, WireMessage>();

const files: EdgeFiles = {
  read: async () => null,
  async store(media, content) {
    if (isEdgeDown) throw new Error("the edge is down");
    const chunks: Uint8Array[] = [];
    for await (const chunk of content) chunks.push(chunk);
    stored.push({ media, bytes: Buffer.concat(chunks) });
    return { mediaId: `med_${String(stored.length).padStart(26, "0")}` };
  },
};

beforeAll(async () => {
  const around =
    (open: OpenSocket): OpenSocket =>
    (options) =>
      (socket = open(options));
  rig = await startRig({ around });
  ({ simulator } = rig);
  setDefaultCACertificates([...trusted, simulator.media.certificate]);
  sessionId = await rig.pair(own);
  simulator.createPhone({ number: user });
  await socket.call(async ({ ev }) => {
    ev.on("messages.upsert", ({ messages }) => {
      for (const { key, message } of messages) if (key.id && message) received.set(key.id, message);
    });
  }, null);
});
afterAll(async () => {
  setDefaultCACertificates(trusted);
  await rig.close();
});
beforeEach(() => {
  stored = [];
  isEdgeDown = false;
});
afterEach(() => simulator.clearFaults());

/** A message that the user's phone writes, as the connector decrypts it. */
async function written(type: string, more: object = {}): Promise<{ waId: string; proto: WireMessage }> {
  const { id } = await simulator.send(user, { to: own, type, data, ...more } as never);
  return { waId: id, proto: await until("the message is received", () => received.get(id)) };
}

async function store({ waId, proto }: { waId: string; proto: WireMessage }) {
  const message = { messageId: `msg_of_${waId}`, waId, chat, fromMe: false };
  return createStoreInbound({ files })({ sessionId, socket }, message, fileIn(proto)!);
}
const isStored = { mediaId: expect.stringMatching(/^med_/) };
const fault = (what: object) => simulator.setFault({ by: "companion", ...what } as never);

describe("the file of a received message", () => {
  test.each<[string, object, object]>([
    ["image", { caption: "look", width: 4, height: 3, mimeType: "image/png" }, { width: 4, height: 3 }],
    ["video", { caption: "look", seconds: 9, isGif: true }, { seconds: 9 }],
    ["video", { isNote: true }, {}],
    ["audio", { seconds: 5 }, { seconds: 5 }],
    ["voice", { seconds: 3, waveform: [1, 50, 100] }, { seconds: 3, waveform: [1, 50, 100] }],
    ["document", { fileName: "../a\u202e/invoice.pdf", caption: "see", mimeType: "application/pdf" }, {}],
    ["sticker", { width: 512, height: 512 }, {}],
  ])("is read and stored byte by byte: %s %j", async (type, more, about) => {
    const message = await written(type, more);
    const { caption, isGif, isNote } = more as Record<string, unknown>;
    const fileName = type === "document" ? "invoice.pdf" : undefined;
    expect(fromProto(message.proto)?.content).toEqual({
      type,
      media: expect.objectContaining({ sizeBytes: file.length, sha256, ...about }),
      ...(caption === undefined ? {} : { caption }),
      ...(isGif === undefined ? {} : { isGif }),
      ...(isNote === undefined ? {} : { isNote }),
      ...(fileName === undefined ? {} : { fileName }),
    });
    expect(await store(message)).toEqual({ mediaId: expect.stringMatching(/^med_/) });
    const [only] = stored;
    expect(only?.bytes.equals(file)).toBe(true);
    expect(only?.media).toMatchObject({
      sessionId,
      uploadId: `msg_of_${message.waId}`,
      sizeBytes: file.length,
      sha256,
    });
  });

  test.each(["tampered", "wrong-mac", "truncated"])("that is %s is taken from the other host", async (how) => {
    fault({ kind: "media-damaged", how, times: 1 });
    expect(await store(await written("document"))).toEqual(isStored);
    expect(stored.map(({ bytes }) => bytes.equals(file))).toEqual([true]);
  });

  test.each(["tampered", "wrong-mac", "truncated"])("that is %s at each host is refused", async (how) => {
    fault({ kind: "media-damaged", how });
    expect(await store(await written("document"))).toEqual({ problem: "damaged" });
    expect(stored).toEqual([]);
  });

  test.each<[string, (part: NonNullable<ReturnType<typeof mediaIn>>["part"]) => void, string]>([
    ["is shorter than it says", (part) => (part.fileLength = file.length + 1), "damaged"],
    ["is longer than it says", (part) => (part.fileLength = file.length - 1), "damaged"],
    ["has another hash", (part) => (part.fileSha256 = randomBytes(32)), "damaged"],
    ["has another key", (part) => (part.mediaKey = randomBytes(32)), "damaged"],
    ["says to be huge", (part) => (part.fileLength = 96 * 1024 * 1024), "too_large"],
  ])("that %s is refused", async (_name, change, problem) => {
    const message = await written("image");
    change(mediaIn(message.proto)!.part);
    expect(await store(message)).toEqual({ problem });
    expect(stored).toEqual([]);
  });

  test.each<[string, (part: NonNullable<ReturnType<typeof mediaIn>>["part"]) => void]>([
    ["no key", (part) => (part.mediaKey = null)],
    ["a short key", (part) => (part.mediaKey = randomBytes(31))],
    ["no hash", (part) => (part.fileEncSha256 = null)],
    ["no length", (part) => (part.fileLength = 0)],
    ["no place", (part) => (part.url = part.directPath = null)],
  ])("that has %s cannot be fetched", async (_name, change) => {
    const { proto } = await written("image");
    change(mediaIn(proto)!.part);
    expect(fileIn(proto)).toBeNull();
  });

  test("is taken from WhatsApp's hosts only, whatever address the sender writes", async () => {
    let visits = 0;
    const other = createServer((_, response) => (visits++, response.writeHead(404).end()));
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    const message = await written("image");
    const { part } = mediaIn(message.proto)!;
    const { directPath } = part;
    for (const url of [
      `http://127.0.0.1:${port}/x`,
      `https://127.0.0.1:${port}/x`,
      "https://evil.example/x",
      "no url",
    ]) {
      Object.assign(part, { url, directPath });
      expect(await store(message)).toEqual(isStored);
    }
    Object.assign(part, { url: null, directPath: `@127.0.0.1:${port}/x` });
    // The phone is asked for another path.
    expect(await store(message)).toEqual(isStored);
    expect(visits).toBe(0);
    other.close();
  });

  test("that one host does not have is taken from the other one", async () => {
    fault({ kind: "media-down", host: 1 });
    expect(await store(await written("image"))).toEqual(isStored);
  });

  test("is tried later when no host answers, and when the edge does not", async () => {
    const message = await written("image");
    isEdgeDown = true;
    await expect(store(message)).rejects.toThrow("the edge is down");
    isEdgeDown = false;
    fault({ kind: "media-down", times: 2 });
    await expect(store(message)).rejects.toThrow("media host");
    expect(await store(message)).toEqual(isStored);
  });

  test.each([404, 410])("that the hosts have no more (%i) is uploaded again by the phone", async (status) => {
    const message = await written("image");
    // Phones keep what they received; the connector asks its own.
    await until("the own phone has the file", () =>
      simulator.messages(own).some(({ id, media }: { id: string; media?: object }) => id === message.waId && media),
    );
    fault({ kind: "media-error", status, at: "download", times: 2 });
    expect(await store(message)).toEqual(isStored);
    expect(stored.map(({ bytes }) => bytes.equals(file))).toEqual([true]);
  });

  test("that the phone does not have either is unavailable", async () => {
    const { proto } = await written("image");
    fault({ kind: "media-error", status: 404, at: "download" });
    expect(await store({ waId: "3EB0UNKNOWN", proto })).toEqual({ problem: "unavailable" });
  });
});

test("a file goes to the edge as a stream, with a token for what is announced", async () => {
  const got: { media: unknown; bytes: Buffer; token: unknown }[] = [];
  const { publicJwk } = rig.edge.keys.connector;
  const { now } = systemServices;
  const verify = createTokenVerifier({ publicJwk, issuer: "sandi-connector", audience: "sandi-edge", now });
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    const answer = async () => {
      const headers = { get: (name: string) => request.headers[name]?.toString() ?? null };
      const read = readInboundMediaHeaders(headers);
      const media = { ...read, sizeBytes: Number(read["sizeBytes"]) } as InboundMedia;
      const what = { method: "POST", path: "/base/internal/media", body: inboundMediaText(media) };
      const token = await verify(request.headers.authorization?.slice(7) ?? "", what);
      got.push({ media, bytes: Buffer.concat(chunks), token });
      response.end(JSON.stringify({ mediaId: `med_${"0".repeat(26)}` }));
    };
    request.on("end", () => void answer());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const config = readConfig({ ...rig.environment, EDGE_URL: `http://127.0.0.1:${port}/base` }, "test");
  const toEdge = createEdgeFiles(config, systemServices);
  const media = {
    sessionId,
    uploadId: "a",
    mimeType: "image/png",
    sizeBytes: file.length,
    sha256,
    fileName: "März.png",
  };
  const content = async function* (end?: Error) {
    yield file.subarray(0, 100_000);
    if (end) throw end;
    yield file.subarray(100_000);
  };
  expect(await toEdge.store(media, content())).toEqual({ mediaId: `med_${"0".repeat(26)}` });
  expect(got).toMatchObject([{ media }]);
  expect(got[0]?.bytes.equals(file)).toBe(true);
  await expect(toEdge.store(media, content(new Error("damaged")))).rejects.toThrow("damaged");
  expect(got).toHaveLength(1);
  server.closeAllConnections();
  server.close();
});
