import type { Erasure, Message, MessageList, Session } from "@sandi/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mp3Of, mp4Of, oggOpus, pngOf } from "../src/files.ts";
import { eventually, startTestStack, type TestStack } from "../src/harness.ts";

const png = Buffer.from("89504e470d0a1a0a0000000d", "hex").toString("base64");
const options = ["Pagi", "Siang", "Sore"];
const fileOf = (bytes: Buffer, mimeType: string) => ({ data: bytes.toString("base64"), mimeType });

let stack: TestStack;
let user = "";
let own = "";
beforeAll(async () => {
  stack = await startTestStack({ connectorEnv: () => ({ LEASE_SECONDS: "5" }) });
  user = stack.local.userPhone ?? "";
  own = (await stack.api<Session>(`GET /v1/sessions/${stack.local.sessionId}`)).body.phone ?? "";
});
afterAll(() => stack.destroy());

async function phone<T>(path: string, body: unknown): Promise<T> {
  const response = await fetch(`${stack.local.simulatorUrl}/phones/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}
const write = (from: string, message: object) => phone<{ id: string }>(`${from}/messages`, message);

/** All messages that match, newest first. */
async function list(query: string): Promise<Message[]> {
  const all: Message[] = [];
  for (let cursor = ""; ;) {
    const { body } = await stack.api<MessageList>(`GET /v1/messages?limit=50&${query}${cursor}`);
    all.push(...body.messages);
    if (body.nextCursor === null) return all;
    cursor = `&cursor=${body.nextCursor}`;
  }
}
const inbound = () => list(`direction=inbound&sessionId=${stack.local.sessionId}`);
const isOnline = async () =>
  (await stack.api<Session>(`GET /v1/sessions/${stack.local.sessionId}`)).body.state === "online";
/** Kills the connector without a word; another one of it starts. */
const kill = () => stack.connector.kill("SIGKILL");
const labelOf = ({ content }: Message) => (content as { text?: string } | null)?.text;

describe("what phones write, on a hard day", () => {
  it("counts 200 votes of phones that name creator and voter either way, through kills of the connector", async () => {
    const voters = Array.from({ length: 6 }, (_, i) => `+62813000050${String(i).padStart(2, "0")}`);
    for (const number of voters) await stack.addPhone(number);
    const group = await phone<{ id: string }>(`${user}/groups`, { subject: "Rapat", participants: [own, ...voters] });
    const poll = await write(user, { to: group.id, type: "poll", question: "Kapan?", options, maxSelections: 2 });
    const { id } = await eventually("the poll", async () => (await inbound()).find(({ type }) => type === "poll"));

    const chosen = new Map<string, string[]>();
    const names = ["pn", "lid"] as const;
    for (let vote = 0; vote < 200; vote++) {
      const voter = voters[vote % voters.length]!;
      const round = Math.floor(vote / voters.length);
      // Each one changes their mind in each round; in some rounds some take their vote back.
      const picked = (vote + round) % 7 === 0 ? [] : options.filter((_, i) => (vote * 3 + round * 5 + i) % 3 !== 0);
      const about = { creatorBy: names[round % 2], voterBy: names[(vote >> 1) % 2] };
      await write(voter, { to: group.id, voteIn: poll.id, options: picked, ...about });
      chosen.set(voter, picked);
      if (vote === 60 || vote === 130) kill();
    }
    const expected = options.map((option) => ({
      option,
      people: [...chosen].flatMap(([voter, picked]) => (picked.includes(option) ? [voter] : [])).toSorted(),
    }));
    const tally = async () => {
      const { body } = await stack.api<Message>(`GET /v1/messages/${id}`);
      return (body.votes ?? []).map(({ option, people }) => ({
        option,
        people: people.map((person) => person?.phone ?? "").toSorted(),
      }));
    };
    await eventually("all votes", async () => JSON.stringify(await tally()) === JSON.stringify(expected));
    const { body } = await stack.api<Message>(`GET /v1/messages/${id}`);
    expect(body.votes?.map(({ count }) => count)).toEqual(expected.map(({ people }) => people.length));
  });

  it("brings 50 messages of all kinds that waited, once, in order, as such", async () => {
    const other = "+6281300005099";
    await stack.addPhone(other);
    const { sessionId } = stack.local;
    await eventually("the session to be online", isOnline);
    const before = new Set((await inbound()).map(({ id }) => id));
    await stack.api(`POST /v1/sessions/${sessionId}/stop`, {});
    await eventually("the session to stop", async () => !(await isOnline()));
    const kinds: ((i: number) => object)[] = [
      (i) => ({ type: "text", text: `pesan ${i}` }),
      () => ({ type: "location", latitude: -6.2, longitude: 106.8 }),
      () => ({ type: "contacts", contacts: [{ name: "Siti", phones: [{ number: "+6281234567890" }] }] }),
      (i) => ({ type: "poll", question: `Yang mana ${i}?`, options, maxSelections: 1 }),
      () => ({ type: "event", name: "Buka bersama", startAt: "2027-03-01T11:00:00.000Z" }),
      () => ({ type: "image", data: png, mimeType: "image/png", caption: "foto" }),
      () => ({ type: "document", data: png, mimeType: "application/pdf", fileName: "a.pdf" }),
      () => ({ type: "image", data: png, mimeType: "image/png", isViewOnce: true }),
      () => ({ type: "video", ...fileOf(mp4Of(3_000), "video/mp4") }),
      () => ({ type: "audio", ...fileOf(mp3Of(3_000), "audio/mpeg") }),
      () => ({ type: "voice", ...fileOf(oggOpus(2), "audio/ogg; codecs=opus") }),
      () => ({ type: "sticker", ...fileOf(pngOf(64, 64), "image/webp") }),
      () => ({ type: "buttons", text: "Jadi?", buttons: [{ id: "yes", text: "Ya" }] }),
      () => ({
        type: "list",
        text: "Cabang?",
        buttonText: "Pilih",
        sections: [{ rows: [{ id: "jkt", title: "Jakarta" }] }],
      }),
    ];
    const written = new Map<string, string[]>([
      [user, []],
      [other, []],
    ]);
    for (let i = 0; i < 50; i++) {
      const from = i % 3 === 2 ? other : user;
      const fields = kinds[i % kinds.length]!(i);
      const { id } = await write(from, { to: own, ...fields });
      if (i % 10 === 9) await write(from, { to: own, reactTo: id, emoji: "👍" });
      const { type, isViewOnce } = fields as { type: string; isViewOnce?: boolean };
      written.get(from)!.push(isViewOnce ? "unsupported" : type);
    }
    await stack.api(`POST /v1/sessions/${sessionId}/start`, {});
    const arrived = await eventually("all of them", async () => {
      const writers = (await inbound()).filter((message) => written.has(message.from?.phone ?? ""));
      const all = writers.filter(({ id }) => !before.has(id));
      return all.length >= 50 && all.every(({ contentState }) => contentState === "kept") && all;
    });
    expect(arrived).toHaveLength(50);
    expect(arrived.filter(({ isOffline }) => !isOffline)).toEqual([]);
    for (const [from, types] of written) {
      const ofChat = arrived.filter((message) => message.from?.phone === from).toReversed();
      expect([from, ofChat.map(({ type }) => type)]).toEqual([from, types]);
    }
    const texts = arrived.filter(({ type }) => type === "text").toReversed();
    expect(texts.map(labelOf)).toEqual([0, 14, 28, 42].map((i) => `pesan ${i}`));
  });

  it("has each message once when the connector is killed while they arrive", async () => {
    const from = "+6281300005098";
    await stack.addPhone(from);
    await eventually("the session to be online", isOnline);
    const texts = Array.from({ length: 60 }, (_, i) => `di tengah ${i}`);
    for (const [i, text] of texts.entries()) {
      await write(from, { to: own, text, addressing: i % 2 === 0 ? "pn" : "lid" });
      if (i === 15 || i === 40) kill();
    }
    const arrived = await eventually("all of them", async () => {
      const all = (await inbound()).filter((message) => message.from?.phone === from);
      // One that could not be read after a kill is sent again, and heals under its id.
      return all.length >= texts.length && all.every(({ type }) => type === "text") && all;
    });
    expect(arrived).toHaveLength(texts.length);
    expect(new Set(arrived.map(labelOf))).toEqual(new Set(texts));
    expect(new Set(arrived.map(({ chatId }) => chatId)).size).toBe(1);
  });

  it("erases a person everywhere, and knows them as somebody new when they write again", async () => {
    const from = "+6281300005097";
    await stack.addPhone(from);
    await eventually("the session to be online", isOnline);
    await write(from, { to: own, text: "hapus saya" });
    await write(own, { to: from, text: "baik" });
    await write(from, { to: own, type: "image", data: png, mimeType: "image/png" });
    const mine = async () => (await inbound()).filter((message) => message.from?.phone === from);
    const [first] = await eventually("both messages", async () => {
      const all = await mine();
      return all.length === 2 && all;
    });
    const sent = await stack.api<Message>("POST /v1/messages", { to: from, type: "text", text: "pesanan Anda" });
    await eventually("it is read", async () => {
      const { body } = await stack.api<Message>(`GET /v1/messages/${sent.body.id}`);
      return body.status === "read";
    });
    const begun = await stack.api<Erasure>(`DELETE /v1/people/${first!.from!.id}`);
    expect(begun.status).toBe(202);
    const erasure = await eventually("the erasure to finish", async () => {
      const { body } = await stack.api<Erasure>(`GET /v1/erasures/${begun.body.id}`);
      return body.state !== "running" && body;
    });
    expect(erasure).toMatchObject({
      state: "finished",
      report: {
        messages: { deleted: 3, masked: 1 },
        sessions: [{ sessionId: stack.local.sessionId, state: "erased", messages: 4, sends: 1 }],
      },
    });
    expect(await mine()).toEqual([]);
    const { body: masked } = await stack.api<Message>(`GET /v1/messages/${sent.body.id}`);
    expect(masked).toMatchObject({ status: "read", to: null, content: null });
    expect((await stack.api(`GET /v1/messages/${first!.id}`)).status).toBe(404);

    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await write(from, { to: own, text: "saya lagi" });
    const [again] = await eventually("the new message", async () => {
      const all = await mine();
      return all.length > 0 && all;
    });
    expect(again!.from!.id).not.toBe(first!.from!.id);
    expect(again!.chatId).not.toBe(first!.chatId);
    expect(stack.lines.join("\n")).not.toContain(from.slice(1));
  });
});
