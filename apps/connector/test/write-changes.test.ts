import { expect, test } from "vitest";
import { changeIn, keyIn } from "../src/content/changes.ts";
import { fromProto } from "../src/content/content.ts";
import { decode, encode, type WireMessage } from "../src/content/wire.ts";
import { edit, editedContent, pin, reaction, revoke, withEdit } from "../src/content/write-changes.ts";

const key = { remoteJid: "6281300000002@s.whatsapp.net", fromMe: true, id: "3EB0A1" };
const at = new Date("2026-11-21T08:00:00.000Z");
const secret = { messageSecret: new Uint8Array(32).fill(7) };
const file = { fileSha256: new Uint8Array(32).fill(1), mimetype: "image/png", fileLength: 9, directPath: "/f" };
const image: WireMessage = { imageMessage: { ...file, caption: "Satu" }, messageContextInfo: secret };
const invoice: WireMessage = {
  documentWithCaptionMessage: { message: { documentMessage: { ...file, fileName: "a.pdf", caption: "Satu" } } },
  messageContextInfo: secret,
};
const once: WireMessage = {
  viewOnceMessageV2: { message: { imageMessage: { ...file, viewOnce: true } } },
  messageContextInfo: secret,
};
const reply: WireMessage = {
  extendedTextMessage: {
    text: "Satu",
    contextInfo: { stanzaId: "3EB0Q" },
    matchedText: "https://a.example",
    title: "A",
  },
  messageContextInfo: secret,
};

test.each<[string, WireMessage, object]>([
  ["a reaction", reaction(key, "👍", at), { type: "reaction", emoji: "👍", at: at.getTime() }],
  ["the end of a reaction", reaction(key, "", at), { type: "reaction", emoji: "" }],
  ["a deletion", revoke(key), { type: "revoke" }],
  ["a pin", pin(key, 86_400, at), { type: "pin", seconds: 86_400, at: at.getTime() }],
  ["the end of a pin", pin(key, null, at), { type: "pin", seconds: null }],
  ["an edit", edit(key, { conversation: "Dua" }, at), { type: "edit", message: { conversation: "Dua" } }],
])("%s is read as it was written", (_, message, change) => {
  const received = decode(encode(message));
  expect(changeIn(received)).toMatchObject({ target: key.id, ...change });
  expect(keyIn(received)).toMatchObject(key);
});

test.each<[string, string, WireMessage]>([
  ["an image", "image", image],
  ["a document", "document", invoice],
  ["an image that is seen once", "image", once],
])("the edit of the caption of %s keeps its file", (_, type, original) => {
  const edited = editedContent(type, "Dua", original)!;
  const before = fromProto(original)!.content;
  expect(fromProto(edited)!.content).toEqual({ ...before, caption: "Dua" });
  const after = decode(encode(withEdit(original, edited)));
  expect(fromProto(after)!.content).toEqual({ ...before, caption: "Dua" });
  expect(Object.keys(withEdit(original, edited)).toSorted()).toEqual(Object.keys(original).toSorted());
  expect(after.messageContextInfo?.messageSecret).toEqual(secret.messageSecret);
});

test("a caption that comes without its file changes the caption alone", () => {
  expect(withEdit(image, { imageMessage: { caption: "Dua" } }).imageMessage).toMatchObject({ ...file, caption: "Dua" });
});

test("the edit of a text keeps its quote and its secret, and no link preview", () => {
  const { extendedTextMessage, messageContextInfo } = withEdit(reply, editedContent("text", "Dua", reply)!);
  expect(extendedTextMessage).toEqual({ text: "Dua", contextInfo: { stanzaId: "3EB0Q" } });
  expect(messageContextInfo).toEqual(secret);
});

test.each(["location", "poll", "voice", "toString"])("a message of the type %s has nothing to edit", (type) => {
  expect(editedContent(type, "Dua", null)).toBeNull();
});

test("an edit of another kind changes nothing", () => {
  expect(withEdit(image, { audioMessage: {} })).toBe(image);
});
