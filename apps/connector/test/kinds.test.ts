import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SealedPayload } from "@sandi/contracts";
import type { ChatMessage } from "@sandi/whatsapp-simulator";
import type { ReceivedMessage } from "../src/baileys/receive-messages.ts";
import { until } from "./support/fake-edge.ts";
import { type Rig, startRig } from "./support/rig.ts";

const own = "+6281200000001";
const user = "+6281300000002";

/** Each kind with all of its fields. Phones show it as it is, and a phone can write it. */
const kinds = {
  text: {
    type: "text",
    text: "Order 42: https://acme.example/42",
    linkPreview: { url: "https://acme.example/42", title: "Order 42", description: "Two parcels" },
  },
  location: { type: "location", latitude: -6.1754, longitude: 106.8272, name: "Monas", address: "Gambir, Jakarta" },
  contacts: {
    type: "contacts",
    contacts: [
      {
        name: "Budi; Kantor, “Acme”",
        phones: [{ number: "+6281234567890", label: "Kantor, pagi" }, { number: "+6281234567891" }],
        organization: "Acme; Jakarta",
        email: "budi@acme.example",
      },
      { name: "Ayu 🌸".repeat(30), phones: [{ number: "+6281234567892" }] },
    ],
  },
  poll: { type: "poll", question: "When shall we deliver?", options: ["Morning", "Noon", "Evening"], maxSelections: 3 },
  event: {
    type: "event",
    name: "Product launch",
    description: "Doors open at nine.",
    startAt: "2026-12-24T09:00:00.000Z",
    endAt: "2026-12-24T11:00:00.000Z",
    location: { name: "Monas", address: "Gambir, Jakarta", latitude: -6.1754, longitude: 106.8272 },
    callLink: "https://call.whatsapp.com/video/abcdefghijklmnopqrstuv",
  },
  buttons: {
    type: "buttons",
    text: "Shall we deliver today?",
    footer: "Acme",
    buttons: [
      { id: "yes", text: "Yes" },
      { id: "later", text: "Later" },
    ],
    render: "native",
  },
  list: {
    type: "list",
    text: "Which branch?",
    buttonText: "Branches",
    footer: "Acme",
    sections: [
      { title: "Java", rows: [{ id: "jkt", title: "Jakarta", description: "Open until nine" }] },
      { title: "Bali", rows: [{ id: "dps", title: "Denpasar" }] },
    ],
    render: "native",
  },
} as const;
const rows = Object.values(kinds).map((content) => [content.type, content] as const);

let rig: Rig;
let sessionId: string;
const received: ReceivedMessage[] = [];

beforeAll(async () => {
  rig = await startRig({
    services: { chance: () => 0 },
    around: (open) => (options) => {
      const { listener } = options;
      const onMessage = (message: ReceivedMessage) => {
        received.push(message);
        return listener.onMessage(message);
      };
      return open({ ...options, listener: { ...listener, onMessage } });
    },
  });
  sessionId = await rig.pair(own);
  rig.simulator.createPhone({ number: user, receipts: "read" });
});
afterAll(() => rig.close());

/** Sends content to the phone, and what the phone then shows. */
async function shownOf(content: unknown): Promise<ChatMessage> {
  const before = rig.simulator.messages(user).length;
  await rig.send(sessionId, { ...(content as Extract<SealedPayload, { type: "text" }>), to: user });
  return until("it is shown", () => rig.simulator.messages(user)[before]);
}

/** What the connector receives when the phone writes. */
async function receivedOf(written: object): Promise<ReceivedMessage> {
  const before = received.length;
  await rig.simulator.send(user, { to: own, ...(written as { text: string }) });
  return until("it is received", () => received[before]);
}

describe("each kind", () => {
  test.each(rows)("a %s is shown on the phone field by field", async (type, content) => {
    const { type: _, ...fields } = content;
    const { render: _render, ...shown } = { render: undefined, ...fields };
    expect(await shownOf(content)).toMatchObject({ kind: type, direction: "in", ...shown });
  });

  test.each(rows)("a %s that somebody writes is received field by field", async (_type, content) => {
    const { render: _, ...written } = { render: undefined, ...content };
    expect((await receivedOf(written)).said).toMatchObject({ content });
  });
});
