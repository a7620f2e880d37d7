import type { Message } from "@sandi/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mp3Of, mp4Of, noise, oggOpus, pngOf, sha256Of } from "../src/files.ts";
import { eventually, startTestStack, type TestStack } from "../src/harness.ts";

let stack: TestStack;
/** A person gets 30 messages in an hour. */
const other = "+6281299990001";
beforeAll(async () => {
  stack = await startTestStack();
  await stack.addPhone(other);
});
afterAll(() => stack.destroy());

/** What is sent, and what the phone shows if that differs. A new type of openapi.json needs a row. */
interface Row {
  fields: object;
  shown?: object;
  /** The bytes on the phone. */
  file?: Buffer;
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
const film = mp4Of(70_000);
const note = oggOpus(7);

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
    withFile(film, "video/mp4", { caption: "How it works" }),
    withFile(film, "video/mp4", { isGif: true }),
    withFile(film, "video/mp4", { isNote: true }),
    withFile(film, "video/mp4", { isViewOnce: true, caption: "Once" }),
  ],
  audio: [withFile(mp3Of(300_000), "audio/mpeg")],
  voice: [
    withFile(note, "audio/ogg; codecs=opus", { media: { seconds: 7 } }),
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
    { fields: { question: "Which days?", options: ["Monday", "Tuesday", "Friday"], maxSelections: 2 } },
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
    expect(file === undefined || (await fileOf(shown)).equals(file)).toBe(true);
    await eventually("the message to be read", async () => {
      const message = await stack.api<Message>(`GET /v1/messages/${id}`);
      return message.body.status === "read";
    });
  });

  it("has a row for each type of openapi.json", async () => {
    const { body } = await stack.api<{
      components: { schemas: Record<string, { properties: { type: { enum: string[] } } }> };
    }>("GET /openapi.json");
    expect(Object.keys(kinds).toSorted()).toEqual(body.components.schemas["Message"]!.properties.type.enum.toSorted());
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
