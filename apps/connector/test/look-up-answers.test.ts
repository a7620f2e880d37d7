import type { BinaryNode, WASocket } from "@whiskeysockets/baileys";
import { expect, test } from "vitest";
import { lookUp } from "../src/baileys/look-up.ts";

const number = "6281234567890";

/** What is understood when WhatsApp names this jid for the number. */
async function understood(jid: string) {
  const contact = { tag: "contact", attrs: { type: "in" }, content: `+${number}` };
  const list = { tag: "list", attrs: {}, content: [{ tag: "user", attrs: { jid }, content: [contact] }] };
  const answer: BinaryNode = { tag: "iq", attrs: {}, content: [{ tag: "usync", attrs: {}, content: [list] }] };
  const sock: Partial<WASocket> = {
    generateMessageTag: () => "1",
    waitForMessage: <Message>() => Promise.resolve(answer as Message),
    sendNode: () => Promise.resolve(),
  };
  return (await lookUp(sock as WASocket, [number])).jids.get(number);
}

test.each([
  [`${number}@s.whatsapp.net`, `${number}@s.whatsapp.net`],
  [`${number}:3@s.whatsapp.net`, `${number}@s.whatsapp.net`],
  [`${number}@c.us`, `${number}@s.whatsapp.net`],
  ["121444415184037@lid", "121444415184037@lid"],
])("a look-up takes %s for the person %s", async (jid, person) => {
  expect(await understood(jid)).toBe(person);
});

test.each(["", "@", "nobody", "@s.whatsapp.net", "120363000000000000@g.us", "status@broadcast", "1@newsletter"])(
  "a look-up knows nothing of a number when its jid is no person's: %j",
  async (jid) => {
    expect(await understood(jid)).toBeUndefined();
  },
);
