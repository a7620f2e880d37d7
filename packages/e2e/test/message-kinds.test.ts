import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Message, MessageList, MessageMedia, SessionMessageList } from "@sandi/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mp3Of, mp4Of, noise, pngOf, recorded, sha256Of } from "../src/files.ts";
import { eventually, type PhoneMessage, startTestStack, type TestStack } from "../src/harness.ts";

let stack: TestStack;
/** A person gets 30 messages in an hour. */
const other = "+6281299990001";
const third = "+6281299990002";
/** In place of ffmpeg: it makes this picture of a video, and nothing else. */
const thumbnail = Buffer.from("a small JPEG").toString("base64");
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sandi-kinds-"));
  const program = join(folder, "ffmpeg");
  await writeFile(program, '#!/bin/sh\ncase "$*" in *mjpeg*) printf "a small JPEG";; *) exit 1;; esac\n');
  await chmod(program, 0o700);
  stack = await startTestStack({ connectorEnv: () => ({ FFMPEG_PATH: program }) });
  await stack.addPhone(other);
  await stack.addPhone(third);
});
afterAll(async () => {
  await stack.destroy();
  await rm(folder, { recursive: true, force: true });
});

/** What is sent, and what the phone shows if that differs. A new type of openapi.json needs a row. */
interface Row {
  fields: { [name: string]: unknown; media?: object; render?: string };
  shown?: object;
  /** The bytes on the phone. */
  file?: Buffer;
  /** What is read when a phone writes it, if that differs. */
  read?: object;
}

/** A message with a file, which the phone shows as it was sent. */
function withFile(
  bytes: Buffer,
  mimeType: string,
  { media, ...fields }: { media?: object; fileName?: string; [name: string]: unknown } = {},
): Row {
  const { fileName, ...others } = fields;
  const file = { sizeBytes: bytes.length, sha256: sha256Of(bytes), ...(fileName === undefined ? {} : { fileName }) };
  return {
    fields: { media: { data: bytes.toString("base64"), mimeType: mimeType.split(";")[0] }, ...fields },
    shown: { ...others, media: { mimeType, ...file, ...media } },
    file: bytes,
  };
}

const picture = pngOf(400, 300);
const clip = recorded("clip.mp4");
const aboutClip = { width: 64, height: 36, seconds: 3, thumbnail };
/** It begins like a video. */
const film = mp4Of(70_000);
const note = recorded("note.ogg");

const options = [
  { id: "today", text: "Today" },
  { id: "later", text: "Later" },
];
const sections = [
  { title: "Java", rows: [{ id: "jkt", title: "Jakarta", description: "Open until nine" }] },
  { title: "Bali", rows: [{ id: "dps", title: "Denpasar" }] },
];
const shop = { text: "Which branch?", buttonText: "Branches", footer: "Acme", sections };
const url = "https://acme.example/orders/42";

const kinds: Record<string, Row[]> = {
  text: [
    { fields: { text: "Your order is on its way. 📦\n\n*Acme*" } },
    { fields: { text: "x".repeat(65_536) } },
    { fields: { text: `See ${url}`, linkPreview: { url, title: "Order 42", description: "Two parcels" } } },
  ],
  image: [
    withFile(picture, "image/png", { caption: "Your receipt", media: { width: 400, height: 300 } }),
    withFile(picture, "image/png", { isViewOnce: true }),
  ],
  video: [
    withFile(clip, "video/mp4", { caption: "How it works", media: aboutClip }),
    withFile(clip, "video/mp4", { isGif: true, media: aboutClip }),
    withFile(clip, "video/mp4", { isNote: true, media: aboutClip }),
    withFile(recorded("clip.3gp"), "video/3gpp", { media: { ...aboutClip, width: 128, height: 96 } }),
    withFile(film, "video/mp4", { isViewOnce: true, caption: "Once" }),
  ],
  audio: [
    withFile(recorded("song.mp3"), "audio/mpeg", { media: { seconds: 2 } }),
    withFile(recorded("song.m4a"), "audio/mp4", { media: { seconds: 2 } }),
    withFile(mp3Of(300_000), "audio/mpeg"),
  ],
  voice: [
    withFile(note, "audio/ogg; codecs=opus", { media: { seconds: 2 } }),
    withFile(note, "audio/ogg; codecs=opus", { isViewOnce: true }),
  ],
  document: [
    withFile(noise(1_000_003), "application/pdf", { fileName: "Rechnung März.pdf", caption: "Your invoice" }),
    withFile(noise(17), "application/x-acme"),
  ],
  sticker: [
    {
      fields: { media: { data: picture.toString("base64") } },
      shown: { media: { mimeType: "image/webp", width: 512, height: 512 } },
    },
  ],
  location: [{ fields: { latitude: -6.1754, longitude: 106.8272, name: "Monas", address: "Gambir, Jakarta" } }],
  contacts: [
    {
      fields: {
        contacts: [
          {
            name: "Kantor; Acme, „Jakarta“",
            phones: [{ number: "+6281234567890", label: "Office" }, { number: "+6281234567891" }],
            organization: "Acme",
            email: "help@acme.example",
          },
        ],
      },
    },
    {
      fields: {
        contacts: Array.from({ length: 20 }, (_, i) => ({
          name: `Kurir ${i} 🚚 ${"panjang ".repeat(20)}`.trim(),
          phones: [{ number: `+62812345678${String(i).padStart(2, "0")}` }],
        })),
      },
    },
  ],
  poll: [
    { fields: { question: "When shall we deliver?", options: ["Morning", "Evening"], maxSelections: 1 } },
    {
      fields: { question: "Which days?", options: ["Monday", "Tuesday", "Friday"], maxSelections: 2 },
      // People let others choose one option or any number.
      read: { maxSelections: 3 },
    },
    { fields: { question: "Which toppings?", options: ["Cheese", "Sambal"], maxSelections: 2 } },
  ],
  event: [
    {
      fields: {
        name: "Product launch",
        description: "Doors open at nine.",
        startAt: "2026-12-24T09:00:00.000Z",
        endAt: "2026-12-24T11:00:00.000Z",
        location: { name: "Monas", address: "Gambir, Jakarta", latitude: -6.1754, longitude: 106.8272 },
        callLink: "https://call.whatsapp.com/video/abcdefghijklmnopqrstuv",
      },
    },
  ],
  buttons: [
    {
      fields: { text: "When shall we deliver?", footer: "Acme", buttons: options },
      shown: { kind: "text", text: "When shall we deliver?\n\n1. Today\n2. Later\n\nAcme" },
    },
    {
      fields: { text: "When shall we deliver?", footer: "Acme", buttons: options, render: "native" },
      shown: { text: "When shall we deliver?", footer: "Acme", buttons: options },
    },
  ],
  list: [
    {
      fields: shop,
      shown: {
        kind: "text",
        text: "Which branch?\n\n*Java*\n1. Jakarta\n    Open until nine\n\n*Bali*\n2. Denpasar\n\nAcme",
      },
    },
    { fields: { ...shop, render: "native" }, shown: shop },
  ],
};

const receivedOnly = new Set(["reply", "unsupported", "undecryptable"]);

const rows = Object.entries(kinds).flatMap(([type, all]) =>
  all.map(
    (row, index) =>
      [type, index + 1, { type, ...row.fields }, { kind: type, ...(row.shown ?? row.fields) }, row.file] as const,
  ),
);

/** Sends a message, and what the phone then shows. */
async function shownOf(body: object, to = stack.local.userPhone ?? ""): Promise<{ id: string; shown: object }> {
  const before = (await stack.inbox(to)).length;
  const sent = await stack.api<Message>("POST /v1/messages", { to, ...body });
  expect([sent.status, sent.body.detail]).toEqual([202, undefined]);
  const shown = await eventually("the message on the phone", async () => (await stack.inbox(to))[before]);
  return { id: sent.body.id, shown };
}

/** The latest message of the session, with its content. */
async function latest(): Promise<Message | undefined> {
  const path = `GET /v1/sessions/${stack.local.sessionId}/messages?limit=1`;
  return (await stack.api<SessionMessageList>(path)).body.messages[0];
}

/** What the API shows of a message that a phone shows so: its type for its kind, and no parameters of a file's type. */
function keptOf({ kind: type, media, ...fields }: { kind: string; media?: object; [name: string]: unknown }) {
  const { mimeType, thumbnail: _, ...about } = (media ?? {}) as { mimeType?: string; thumbnail?: string };
  return { type, ...fields, ...(media && { media: { mimeType: mimeType?.split(";")[0], ...about } }) };
}

/** The file of a message, as the phone has it. */
async function fileOf(shown: object): Promise<Buffer> {
  const { id } = shown as { id: string };
  const { simulatorUrl, userPhone } = stack.local;
  const answer = await fetch(`${simulatorUrl}/phones/${userPhone}/messages/${id}/media`);
  return Buffer.from(await answer.arrayBuffer());
}

describe("a message that is sent through the API", () => {
  it.each(rows)("is on the phone field by field: %s %i", async (_type, _index, body, expected, file) => {
    const { id, shown } = await shownOf(body);
    expect(shown).toMatchObject(expected);
    const isSame = file === undefined || (await fileOf(shown)).equals(file);
    expect(isSame).toBe(true);
    await eventually("the message to be read", async () => {
      const message = await stack.api<Message>(`GET /v1/messages/${id}`);
      return message.body.status === "read";
    });
    const kept = await latest();
    expect(kept).toMatchObject({ id, direction: "outbound", type: body.type, status: "read", contentState: "kept" });
    expect(kept?.content).toMatchObject(keptOf(expected));
  });

  it("shows the picture of its link as a small JPEG", async () => {
    const card = { url, title: "Order 42" };
    const image = { data: picture.toString("base64") };
    const { shown } = await shownOf({ type: "text", text: `See ${url}`, linkPreview: { ...card, image } });
    expect(shown).toMatchObject({ kind: "text", linkPreview: card });
    const { linkPreview } = shown as { linkPreview: { thumbnail: string } };
    const jpeg = Buffer.from(linkPreview.thumbnail, "base64");
    expect(jpeg.subarray(0, 3)).toEqual(Buffer.from([0xff, 0xd8, 0xff]));
    expect(jpeg.length).toBeLessThanOrEqual(64 * 1024);
  });

  it("has a row for each type of openapi.json that can be sent", async () => {
    const { body } = await stack.api<{
      components: { schemas: Record<string, { properties: { type: { enum: string[] } } }> };
    }>("GET /openapi.json");
    const types = body.components.schemas["Message"]!.properties.type.enum;
    expect(Object.keys(kinds).toSorted()).toEqual(types.filter((type) => !receivedOnly.has(type)).toSorted());
  });

  it.each(rows.filter(([, index]) => index === 1))("may be a reply: %s", async (_type, _index, body) => {
    const { userPhone } = stack.local;
    const quoted = await shownOf({ type: "text", text: "Which order?" }, other);
    const { shown } = await shownOf({ ...body, quotedMessageId: quoted.id, mentions: [userPhone] }, other);
    const { id } = quoted.shown as { id: string };
    const { body: session } = await stack.api<{ phone: string }>(`GET /v1/sessions/${stack.local.sessionId}`);
    expect(shown).toMatchObject({ quoted: { id, from: session.phone, text: "Which order?" }, mentions: [userPhone] });
  });
});

/** What a phone writes, and what is read of it: it renders nothing as text, and it brings the file itself. */
const written = Object.entries(kinds).flatMap(([type, all]) =>
  all.map(({ fields: sent, read }, index) => {
    const { render: _, media, ...fields } = sent;
    if (!media) return [type, index + 1, fields, { type, ...fields, ...read }] as const;
    const { data, mimeType = "image/png" } = media as { data: string; mimeType?: string };
    const { fileName, isViewOnce, ...others } = fields;
    const bytes = Buffer.from(data, "base64");
    const about = { mimeType, sizeBytes: bytes.length, sha256: sha256Of(bytes), ...(fileName ? { fileName } : {}) };
    // Only phones get the content of what is seen once.
    const shown = isViewOnce ? { type: "unsupported" } : { type, ...others, media: about };
    return [type, index + 1, { ...fields, data, mimeType }, shown] as const;
  }),
);

const newest = async () => {
  const { body } = await stack.api<MessageList>("GET /v1/messages?direction=inbound&limit=1");
  return body.messages[0];
};

describe("an album", () => {
  const items = [
    { type: "image", media: { data: picture.toString("base64") }, caption: "One" },
    { type: "video", media: { data: film.toString("base64") }, caption: "Two" },
    { type: "image", media: { data: picture.toString("base64") }, caption: "Three" },
  ];

  it("is shown together, each of its messages with its own status, and once for all of them", async () => {
    const { sessionId } = stack.local;
    const album = { id: "trip-42", images: 2, videos: 1 };
    const before = (await stack.inbox(other)).length;
    const sent = await Promise.all(
      items.map((item) => stack.api<Message>("POST /v1/messages", { sessionId, to: other, ...item, album })),
    );
    expect(sent.map(({ status, body }) => [status, body.detail])).toEqual(items.map(() => [202, undefined]));
    const shown = await eventually("the album on the phone", async () => {
      const all = (await stack.inbox(other)).slice(before);
      return all.length === 4 && all;
    });
    expect(shown[0]).toMatchObject({ kind: "album", images: 2, videos: 1 });
    const parts = shown.slice(1) as (PhoneMessage & { albumId: string; caption: string })[];
    expect(new Set(parts.map(({ albumId }) => albumId))).toEqual(new Set([shown[0]!.id]));
    expect(parts.map(({ caption }) => caption).toSorted()).toEqual(["One", "Three", "Two"]);
    for (const { body } of sent) {
      await eventually("the message to be read", async () => {
        const message = await stack.api<Message>(`GET /v1/messages/${body.id}`);
        return message.body.status === "read";
      });
    }
  });

  it("that is written on a phone is its messages, which name their album", async () => {
    const { sessionId, simulatorUrl } = stack.local;
    const { body: session } = await stack.api<{ phone: string }>(`GET /v1/sessions/${sessionId}`);
    const before = await newest();
    await stack.write(other, { to: session.phone, type: "album", images: 2, videos: 0 } as {
      to: string;
      type: string;
    });
    const all = (await (await fetch(`${simulatorUrl}/phones/${other}/messages`)).json()) as PhoneMessage[];
    const albumId = all.findLast(({ kind }) => kind === "album")!.id;
    const part = { to: session.phone, type: "image", data: picture.toString("base64"), mimeType: "image/png", albumId };
    await stack.write(other, part);
    const message = await eventually("the picture in the API", async () => {
      const found = await newest();
      return found?.id !== before?.id && found;
    });
    expect(message).toMatchObject({ type: "image", content: { type: "image", album: { id: albumId } } });
    const { body } = await stack.api<MessageList>("GET /v1/messages?direction=inbound&limit=2");
    expect(body.messages[1]?.id).toBe(before?.id);
  });
});

const storiesOn = async (number: string) =>
  (await stack.inbox(number)).filter(({ chat }) => chat === "status@broadcast");

describe("a story", () => {
  it.each([
    [
      "text",
      { text: "Open today", background: "#1fa855", font: "bold" },
      { text: "Open today", background: "#1fa855" },
    ],
    ["image", { media: { data: picture.toString("base64") }, caption: "New" }, { caption: "New" }],
    ["video", { media: { data: film.toString("base64") } }, { media: { sha256: sha256Of(film) } }],
    ["voice", { media: { data: note.toString("base64") } }, { media: { sha256: sha256Of(note) } }],
  ])("with %s is on the phones of its audience, whose receipts it has", async (type, fields, shown) => {
    const { sessionId } = stack.local;
    const userPhone = stack.local.userPhone ?? "";
    const before = (await storiesOn(userPhone)).length;
    const others = await stack.inbox(other);
    const body = { sessionId, to: "status", type, ...fields, audience: { people: [userPhone] } };
    const sent = await stack.api<Message>("POST /v1/messages", body);
    expect([sent.status, sent.body.detail]).toEqual([202, undefined]);
    const seenOn = await eventually("the story on the phone", async () => (await storiesOn(userPhone))[before]);
    expect(seenOn).toMatchObject({ kind: type, ...shown });
    await eventually("the story to be seen", async () => {
      const message = await stack.api<Message>(`GET /v1/messages/${sent.body.id}`);
      return message.body.status === "read";
    });
    const { body: seen } = await stack.api<{ receipts: { person: { phone: string } }[] }>(
      `GET /v1/messages/${sent.body.id}/receipts`,
    );
    expect(seen.receipts.map(({ person }) => person.phone)).toEqual([userPhone]);
    expect(await stack.inbox(other)).toEqual(others);
  });
});

describe("a message that is written on a phone", () => {
  it.each(written)("is read through the API field by field: %s %i", async (type, _index, fields, read) => {
    const { sessionId } = stack.local;
    const userPhone = stack.local.userPhone ?? "";
    const before = await newest();
    const { body: session } = await stack.api<{ phone: string }>(`GET /v1/sessions/${sessionId}`);
    await stack.write(userPhone, { to: session.phone, type, ...fields });
    const message = await eventually("the message in the API", async () => {
      const found = await newest();
      return found?.id !== before?.id && found;
    });
    // Where its file is follows later.
    const seen = await eventually("the file", async () => {
      const { body } = await stack.api<Message>(`GET /v1/messages/${message.id}`);
      const media = body.content?.["media"] as MessageMedia | undefined;
      return media?.mediaState !== "pending" && { body, media };
    });
    const isViewOnce = "isViewOnce" in fields;
    expect(message).toMatchObject({ direction: "inbound", type: read.type, isViewOnce, contentState: "kept" });
    expect(message.from).toMatchObject({ phone: userPhone });
    expect(message.content).toMatchObject(read);
    expect(seen.body).toEqual({ ...message, content: seen.body.content });
    expect(seen.body.content).toMatchObject(read);
    const bytes = seen.media && Buffer.from(await (await fetch(seen.media.url ?? "")).arrayBuffer());
    expect(bytes?.toString("base64")).toBe(isViewOnce ? undefined : (fields as { data?: string }).data);
    const kept = await latest();
    expect(kept).toEqual({ ...message, content: kept?.content });
    expect(kept?.content).toMatchObject(read);
  });

  it.each([
    ["buttons", "auto", { buttons: options }, { text: " 2. " }],
    ["buttons", "text", { buttons: options }, { text: "LATER" }],
    ["buttons", "native", { buttons: options }, { type: "reply", id: "later", text: "Later" }],
    ["list", "auto", shop, { text: "2" }],
    ["list", "text", shop, { text: "Denpasar" }],
    ["list", "native", shop, { type: "reply", id: "dps", text: "Denpasar" }],
  ])("is a reply to %s that are rendered as %s", async (type, render, fields, answer) => {
    const { sessionId } = stack.local;
    const asked = await shownOf({ type, text: "Which one?", ...fields, render }, third);
    const { body: session } = await stack.api<{ phone: string }>(`GET /v1/sessions/${sessionId}`);
    const { id: quotedMessageId } = asked.shown as { id: string };
    await stack.write(third, {
      to: session.phone,
      ...answer,
      ...(render === "native" ? { quotedMessageId } : {}),
    });
    const event = await eventually("the reply in the timeline", async () => {
      const { body } = await stack.api<{ events: { type: string; data: Record<string, unknown> }[] }>(
        `GET /v1/messages/${asked.id}/events`,
      );
      return body.events.find(({ type: what }) => what === "message.reply");
    });
    const reply = await stack.api<Message>(`GET /v1/messages/${String(event.data["replyId"])}`);
    expect(reply.body).toMatchObject({
      direction: "inbound",
      type: "reply",
      quotedMessageId: asked.id,
      content: { type: "reply", id: type === "list" ? "dps" : "later", text: answer.text },
    });
  });

  it("is shown without its content to a key without message:read", async () => {
    const { id } = (await newest())!;
    const body = { name: "sender", scopes: ["message:send"] };
    const { key } = (await stack.api<{ key: string }>("POST /v1/keys", body)).body;
    const seen = await stack.api<Message>(`GET /v1/messages/${id}`, undefined, { authorization: `Bearer ${key}` });
    expect(seen.body).toMatchObject({ content: null, contentState: null });
    expect(seen.body.from?.phone).toContain("•");
  });
});
