import { describe, expect, it } from "vitest";
import { textOf } from "./support/client.ts";
import { linked, newWorld, pause, sender, senderJid, sendText, until, user, userJid } from "./support/world.ts";

const stranger = "+6281100000099";
const [delivered, read] = [3, 4];

describe("messages", () => {
  it("brings a text to the phone, acks it, and reports it delivered and read", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const id = await sendText(session, userJid, "Your code is 123456");
    expect(await session.ack(id)).toMatchObject({ id, class: "message", from: userJid });
    expect(await session.status(id, read)).toBe(read);
    expect(simulator.messages(user)).toEqual([
      {
        id,
        from: sender,
        to: user,
        chat: sender,
        direction: "in",
        kind: "text",
        text: "Your code is 123456",
        at: expect.stringMatching(/^\d{4}-.*Z$/),
        encryption: "pkmsg",
        status: "read",
      },
    ]);
    expect(session.complaints).toEqual([]);
  });

  it("shows on the own phone what its companion sent, with the receipts it got", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const id = await sendText(session, userJid, "copy");
    await session.status(id, read);
    expect(simulator.messages(sender)).toMatchObject([
      { id, chat: user, direction: "out", text: "copy", status: "read" },
    ]);
  });

  it("shows a location, and writes one to the companion", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const place = { latitude: -6.5, longitude: 106.75, address: "Jakarta" };
    const [degreesLatitude, degreesLongitude] = [place.latitude, place.longitude];
    await session.sock.sendMessage(userJid, { location: { degreesLatitude, degreesLongitude, name: "Monas" } });
    const shown = await simulator.waitForMessage(user, ({ kind }) => kind === "location");
    expect(shown).toMatchObject({ text: "Monas", name: "Monas", latitude: -6.5, longitude: 106.75 });

    const written = await simulator.send(user, {
      to: sender,
      type: "location",
      name: "Monas",
      ...place,
      forwarded: true,
    });
    expect(written).toMatchObject({ kind: "location", text: "Monas", name: "Monas", ...place, forwarded: true });
    const { message } = await session.message(
      ({ key, message: each }) => !key.fromMe && Boolean(each?.locationMessage),
    );
    expect(message.message?.locationMessage).toMatchObject({
      degreesLatitude,
      degreesLongitude,
      name: "Monas",
      address: "Jakarta",
      contextInfo: { isForwarded: true },
    });
  });

  it("reports what it read as played, too, when it plays everything", async () => {
    const simulator = await newWorld();
    simulator.updatePhone(user, { receipts: "played" });
    const session = await linked(simulator);
    const id = await sendText(session, userJid, "listen");
    expect(await session.status(id, 5)).toBe(5);
    expect(simulator.messages(sender)).toMatchObject([{ id, status: "read" }]);
  });

  it("takes texts addressed by LID", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const id = await sendText(session, `${simulator.phone(user).lid}@lid`, "by lid");
    expect(await session.status(id, read)).toBe(read);
    expect(simulator.messages(user)).toMatchObject([{ id, text: "by lid", chat: sender }]);
  });

  it.each(["pn", "lid"] as const)(
    "brings a reply to the companion addressed by %s, with the other name beside it",
    async (addressing) => {
      const simulator = await newWorld();
      const session = await linked(simulator);
      await simulator.send(user, { to: sender, text: "hello", addressing });
      const { type, message } = await session.message((each) => textOf(each) === "hello");
      const lid = `${simulator.phone(user).lid}@lid`;
      expect(type).toBe("notify");
      expect(message).toMatchObject({
        pushName: "Ayu",
        key: {
          fromMe: false,
          remoteJid: addressing === "pn" ? userJid : lid,
          remoteJidAlt: addressing === "pn" ? lid : userJid,
        },
      });
      await until(() => simulator.messages(user)[0]?.status !== "queued");
      expect(session.complaints).toEqual([]);
    },
  );

  it("answers as it was addressed unless the request says otherwise", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const id = await sendText(session, `${simulator.phone(user).lid}@lid`, "ping");
    await session.status(id, delivered);
    await simulator.send(user, { to: sender, text: "pong" });
    const { message } = await session.message((each) => textOf(each) === "pong");
    expect(message.key.remoteJid).toMatch(/@lid$/);
    simulator.updatePhone(user, { addressing: "pn" });
    await simulator.send(user, { to: sender, text: "pong again" });
    const second = await session.message((each) => textOf(each) === "pong again");
    expect(second.message.key.remoteJid).toBe(userJid);
  });

  it("plays ping-pong over one Signal session once both sides spoke", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    await simulator.send(user, { to: sender, text: "ping 0" });
    for (let round = 0; round < 4; round++) {
      await session.message((each) => textOf(each) === `ping ${round}`);
      await sendText(session, userJid, `pong ${round}`);
      await simulator.waitForMessage(user, ({ text }) => text === `pong ${round}`);
      await simulator.send(user, { to: sender, text: `ping ${round + 1}` });
    }
    const pongs = simulator.messages(user).filter(({ direction }) => direction === "in");
    expect(pongs.map(({ encryption }) => encryption)).toEqual(["pkmsg", "msg", "msg", "msg"]);
    expect(simulator.stats()).toMatchObject({ undecryptable: 0, retriesAsked: 0, retriesServed: 0 });
  });

  it("shows one message when the same id is sent twice, and counts the second", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    await sendText(session, userJid, "once", "3EB0ONCE");
    await sendText(session, userJid, "once", "3EB0ONCE");
    await until(() => simulator.stats().duplicateDeliveries >= 2);
    expect(simulator.messages(user)).toHaveLength(1);
    // The copy on the own phone is a duplicate, too.
    expect(simulator.stats()).toMatchObject({ messagesReceived: 2, messagesShown: 1, duplicateDeliveries: 2 });
  });

  it("knows who is on WhatsApp and who is not", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    expect(await session.sock.onWhatsApp(stranger)).toEqual([]);
    expect(await session.sock.onWhatsApp(stranger, user)).toEqual([{ jid: userJid, exists: true }]);
    expect(simulator.stats().contactQueries).toBe(2);
    simulator.setFault({ kind: "unregistered", number: user });
    expect(await session.sock.onWhatsApp(user)).toEqual([]);
  });

  it("acks a message to an unknown number, which reaches only the sender's own devices", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const id = await sendText(session, "6281100000099@s.whatsapp.net", "anybody?");
    expect((await session.ack(id))["error"]).toBeUndefined();
    await simulator.waitForMessage(sender, ({ text }) => text === "anybody?");
    expect(simulator.messages(sender)).toMatchObject([{ chat: "6281100000099@s.whatsapp.net", status: "sent" }]);
    expect(simulator.stats().deliveredReceipts).toBe(0);
  });

  it("sends the receipts that the phone is set to send", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    simulator.updatePhone(user, { receipts: "delivered" });
    const id = await sendText(session, userJid, "delivered only");
    expect(await session.status(id, delivered)).toBe(delivered);
    await pause(40);
    expect(simulator.messages(user)).toMatchObject([{ status: "delivered" }]);
    simulator.updatePhone(user, { receipts: "none" });
    const silent = await sendText(session, userJid, "no receipts");
    await simulator.waitForMessage(user, ({ id: shown }) => shown === silent);
    await pause(40);
    expect(simulator.stats()).toMatchObject({ deliveredReceipts: 1, readReceipts: 0 });
  });

  it("learns from the companion's receipts that it read the phone's message", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    await simulator.send(user, { to: sender, text: "seen?" });
    const { message } = await session.message((each) => textOf(each) === "seen?");
    await session.sock.readMessages([message.key]);
    await until(() => simulator.messages(user)[0]?.status === "read");
    await until(() => simulator.phone(sender).devices[0]?.queued === 0);
    expect(simulator.messages(user)).toMatchObject([{ text: "seen?", status: "read" }]);
  });

  it("brings every message to every companion of a phone, and each sees what the others send", async () => {
    const simulator = await newWorld();
    const [one, two] = [await linked(simulator), await linked(simulator)];
    await simulator.send(user, { to: sender, text: "to both" });
    await Promise.all([one, two].map((each) => each.message((message) => textOf(message) === "to both")));
    await sendText(one, userJid, "from one");
    const { message } = await two.message((each) => textOf(each) === "from one");
    expect(message.key).toMatchObject({ fromMe: true, remoteJid: userJid });
    expect(simulator.phone(sender).devices.map(({ id }) => id)).toEqual([1, 2]);
  });

  it("notifies a companion of a new one, so that the next message reaches it", async () => {
    const simulator = await newWorld();
    const one = await linked(simulator);
    await sendText(one, userJid, "alone");
    const two = await linked(simulator);
    await pause(20);
    await sendText(one, userJid, "no longer alone");
    const { message } = await two.message((each) => textOf(each) === "no longer alone");
    expect(message.key.fromMe).toBe(true);
  });

  it("carries messages between two companions of different phones", async () => {
    const simulator = await newWorld();
    const [one, two] = [await linked(simulator), await linked(simulator, user)];
    const id = await sendText(one, userJid, "between clients");
    const { message } = await two.message((each) => textOf(each) === "between clients");
    expect(message.key).toMatchObject({ fromMe: false, remoteJid: senderJid });
    expect(await one.status(id, read)).toBe(read);
    await sendText(two, senderJid, "and back");
    await one.message((each) => textOf(each) === "and back");
  });

  it("edits and revokes shown messages", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const sent = await session.sock.sendMessage(userJid, { text: "tpyo" });
    if (!sent) throw new Error("not sent");
    await session.sock.sendMessage(userJid, { text: "typo", edit: sent.key });
    await until(() => simulator.messages(user)[0]?.text === "typo");
    await session.sock.sendMessage(userJid, { delete: sent.key });
    await until(() => simulator.messages(user)[0]?.kind === "revoked");
    expect(simulator.messages(user)).toHaveLength(1);
  });

  it("marks what is passed on, also when it is sent again", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    simulator.setFault({ kind: "corrupt-to-companion", number: sender, times: 1 });
    await simulator.send(user, { to: sender, text: "passed on", forwarded: true });
    const { message } = await session.message((each) => textOf(each) === "passed on");
    expect(message.message?.extendedTextMessage?.contextInfo?.isForwarded).toBe(true);
    expect(simulator.stats().retriesServed).toBe(1);
    expect(simulator.messages(sender)).toMatchObject([{ text: "passed on", forwarded: true }]);
    await simulator.send(user, { to: sender, text: "written here" });
    await session.message((each) => each.message?.conversation === "written here");
    expect(simulator.messages(sender)[1]).not.toHaveProperty("forwarded");
  });

  it("names a sender by number and LID, or by one of them when the fault wants it", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    await simulator.send(user, { to: sender, text: "both", addressing: "lid" });
    const { message: both } = await session.message((each) => textOf(each) === "both");
    expect(both.key).toMatchObject({ remoteJid: expect.stringMatching(/@lid$/), remoteJidAlt: userJid });
    simulator.setFault({ kind: "one-name", number: sender });
    await simulator.send(user, { to: sender, text: "one", addressing: "lid" });
    const { message: one } = await session.message((each) => textOf(each) === "one");
    expect([one.key.remoteJid, one.key.remoteJidAlt]).toEqual([both.key.remoteJid, undefined]);
  });
});
