import { type BinaryNode, Browsers, getBinaryNodeChild, getBinaryNodeChildBuffer } from "@whiskeysockets/baileys";
import { describe, expect, it } from "vitest";
import type { Fault } from "../src/index.ts";
import { stolen } from "./support/client.ts";
import { client, linked, newWorld, pause, sender, sendText, until, user, userJid } from "./support/world.ts";

const [delivered, read] = [3, 4];

const closing: [name: string, fault: Fault, code: number][] = [
  ["another owner of the credentials", { kind: "replaced", number: sender }, 440],
  ["an unlinked device", { kind: "device-removed", number: sender }, 401],
  ["a restart that the server wants", { kind: "stream-error", number: sender, code: 515 }, 515],
  ["a server that is unavailable", { kind: "stream-error", number: sender, code: 503 }, 503],
  ["a server error or a bad session", { kind: "stream-error", number: sender, code: 500 }, 500],
  ["a client that is not multi-device", { kind: "downgrade", number: sender }, 411],
  ["the end of the stream", { kind: "stream-end", number: sender }, 428],
  ["a cut TCP connection", { kind: "drop", number: sender }, 428],
];

describe("faults that close", () => {
  it.each(closing)("%s: %o closes with %i", async (_name, fault, code) => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const record = simulator.setFault(fault);
    expect(record).toMatchObject({ kind: fault.kind, lasting: false });
    expect(await session.closed).toMatchObject({ code });
    expect(simulator.faults()).toEqual([]);
    await until(() => simulator.stats().sockets.open === 0);
    expect(simulator.phone(sender).devices).toHaveLength(fault.kind === "device-removed" ? 0 : 1);
  });

  it.each(["success", "pair-device", "pair-success"] as const)(
    "says %s out of turn to a linked client",
    async (says) => {
      const simulator = await newWorld();
      const session = await linked(simulator);
      const tags: string[] = [];
      session.sock.ws.on("frame", ({ tag, content }: BinaryNode) => {
        tags.push(tag, ...(Array.isArray(content) ? content.map((child) => child.tag) : []));
      });
      simulator.setFault({ kind: "out-of-turn", number: sender, says });
      await until(() => tags.includes(says));
      expect(simulator.faults()).toEqual([]);
    },
  );

  it("says a success to a client that is not linked", async () => {
    const simulator = await newWorld();
    const session = client(simulator);
    const tags: string[] = [];
    session.sock.ws.on("frame", ({ tag }: BinaryNode) => tags.push(tag));
    await until(() => simulator.waiting() === 1);
    simulator.setFault({ kind: "out-of-turn", says: "success" });
    await until(() => tags.includes("success"));
    expect(simulator.stats().logins).toBe(0);
  });

  it("answers a WebSocket with an HTTP status, as often as the fault says", async () => {
    const simulator = await newWorld();
    simulator.setFault({ kind: "http-answer", status: 401, times: 1 });
    const statuses: unknown[] = [];
    const session = client(simulator);
    session.sock.ws.on("unexpected-response", (_request: unknown, { statusCode }: { statusCode: number }) => {
      statuses.push(statusCode);
    });
    await until(() => statuses.length === 1);
    expect(statuses).toEqual([401]);
    client(simulator);
    await until(() => simulator.waiting() === 1);
  });

  it.each([401, 403, 405, 503])("refuses a login with %i, as often as the fault says", async (reason) => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    await session.end();
    simulator.setFault({ kind: "login-failure", number: sender, reason, times: 1 });
    expect(await client(simulator, session.auth).closed).toMatchObject({ code: reason });
    await client(simulator, session.auth).opened;
    expect(simulator.stats().loginsRefused).toBe(1);
  });

  it("meets everybody when it names no number, and only one device when it names one", async () => {
    const simulator = await newWorld();
    const [one, two] = [await linked(simulator), await linked(simulator)];
    simulator.setFault({ kind: "stream-error", number: sender, device: 2, code: 503 });
    expect(await two.closed).toMatchObject({ code: 503 });
    expect(simulator.phone(sender).devices.map(({ connected }) => connected)).toEqual([true, false]);
    simulator.setFault({ kind: "drop" });
    expect(await one.closed).toMatchObject({ code: 428 });
  });

  it("replaces the older of two sockets with the same credentials, and remembers that there were two", async () => {
    const simulator = await newWorld();
    const older = await linked(simulator);
    const newer = client(simulator, stolen(older.auth));
    expect(await older.closed).toMatchObject({ code: 440 });
    await newer.opened;
    expect(simulator.stats()).toMatchObject({ replaced: 1, devicesWithTwoOwners: 1, maxConcurrentSockets: 2 });
    expect(simulator.phone(sender).devices).toMatchObject([{ maxConcurrentSockets: 2, connected: true }]);
  });
});

describe("faults of a send", () => {
  it.each([463, 475, 479])("refuses with %i in the ack, delivers nothing, and lets the next through", async (code) => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    simulator.setFault({ kind: "send-error", number: sender, code, times: 1 });
    const refused = await sendText(session, userJid, "refused");
    expect(await session.ack(refused)).toMatchObject({ error: String(code), from: userJid });
    const taken = await sendText(session, userJid, "taken");
    await session.status(taken, read);
    expect(simulator.messages(user).map(({ text }) => text)).toEqual(["taken"]);
    expect(simulator.stats()).toMatchObject({ sendErrors: 1, acks: 1 });
  });

  it("refuses only messages to the number that the fault names, or all, and then notifies of the time-lock", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    simulator.createPhone({ number: "+6281100000003" });
    const fault = simulator.setFault({ kind: "send-error", number: sender, code: 463, to: user });
    expect(await session.sock.fetchAccountReachoutTimelock()).toMatchObject({ isActive: false });
    expect(await session.ack(await sendText(session, userJid, "a"))).toMatchObject({ error: "463" });
    expect((await session.ack(await sendText(session, "6281100000003@s.whatsapp.net", "b")))["error"]).toBeUndefined();
    simulator.clearFaults(fault.id);
    const lock = simulator.setFault({ kind: "send-error", number: sender, code: 463 });
    expect(await session.sock.fetchAccountReachoutTimelock()).toMatchObject({ isActive: true });
    simulator.clearFaults(lock.id);
    expect(await session.sock.fetchAccountReachoutTimelock()).toMatchObject({ isActive: false });
    expect(await session.sock.fetchNewChatMessageCap()).toMatchObject({ capping_status: "NONE" });
  });

  it("delivers a message without an ack, or loses both", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    simulator.setFault({ kind: "no-ack", number: sender, times: 1 });
    const unacked = await sendText(session, userJid, "delivered");
    await session.status(unacked, delivered);
    await expect(session.ack(unacked, 50)).rejects.toThrow(/no ack/);
    simulator.setFault({ kind: "no-ack", number: sender, deliver: false, times: 1 });
    await expect(session.ack(await sendText(session, userJid, "lost"), 50)).rejects.toThrow(/no ack/);
    expect(simulator.messages(user).map(({ text }) => text)).toEqual(["delivered"]);
  });

  it("mutes a phone: it shows the message and says nothing", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    simulator.setFault({ kind: "mute", number: user });
    const id = await sendText(session, userJid, "hello?");
    await simulator.waitForMessage(user, (message) => message.id === id);
    await expect(session.status(id, delivered, 60)).rejects.toThrow(/no status/);
    simulator.clearFaults();
    await session.status(await sendText(session, userJid, "now"), read);
  });

  it("sends each receipt twice", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const receipts: string[] = [];
    session.sock.ws.on("CB:receipt", ({ attrs }: { attrs: Record<string, string> }) => {
      receipts.push(attrs["type"] ?? "delivered");
    });
    simulator.setFault({ kind: "duplicate-receipts", number: user });
    const id = await sendText(session, userJid, "twice");
    await session.status(id, read);
    await until(() => receipts.length === 4);
    expect(receipts).toEqual(["delivered", "delivered", "read", "read"]);
  });

  it("slows the line to one companion and keeps the order", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    simulator.setFault({ kind: "latency", number: sender, ms: 80 });
    const start = performance.now();
    const id = await sendText(session, userJid, "slow");
    await session.ack(id);
    expect(performance.now() - start).toBeGreaterThanOrEqual(79);
    simulator.clearFaults();
    simulator.updatePhone(sender, { latencyMs: 40 });
    const slow = performance.now();
    await session.sock.onWhatsApp(user);
    expect(performance.now() - slow).toBeGreaterThanOrEqual(39);
  });

  it("asks a client that was scanned for the account's passkey, and pairs it when that is over", async () => {
    const simulator = await newWorld();
    simulator.setFault({ kind: "pairing-stall", number: sender, times: 1 });
    const pairing = client(simulator);
    const qr = await pairing.qr;
    const asked = new Promise<BinaryNode>((resolve) =>
      pairing.sock.ws.once("CB:notification,type:passkey_prologue_request", resolve),
    );
    await expect(simulator.scan(sender, qr)).rejects.toMatchObject({ code: "pairing_failed" });
    const request = await asked;
    expect(request.attrs).toMatchObject({ from: "@s.whatsapp.net", id: expect.any(String), t: expect.any(String) });
    const options = getBinaryNodeChildBuffer(request, "passkey_request_options");
    expect(JSON.parse(Buffer.from(options ?? []).toString())).toMatchObject({ rpId: "whatsapp.com" });
    expect(pairing.auth.creds.me).toBeUndefined();
    await simulator.scan(sender, qr);
    expect(await pairing.closed).toMatchObject({ code: 515 });
  });

  it("brings a link code without keys before the real one, and with a passkey the request for it", async () => {
    const simulator = await newWorld();
    simulator.setFault({ kind: "empty-link-code", number: sender, passkey: true, times: 1 });
    const pairing = client(simulator, undefined, { browser: Browsers.ubuntu("Chrome") });
    await pairing.qr;
    const heard: string[] = [];
    pairing.sock.ws.on("CB:notification", ({ attrs }: BinaryNode) => heard.push(attrs["type"] ?? ""));
    const code = await pairing.sock.requestPairingCode(sender.slice(1));
    await until(() => heard.length === 2);
    expect(heard).toEqual(["link_code_companion_reg", "passkey_prologue_request"]);
    await simulator.enterPairingCode(sender, code);
    expect(await pairing.closed).toMatchObject({ code: 515 });
  });

  it("leaves users out of usync answers, or answers an error about them, about all, or in place of all", async () => {
    const simulator = await newWorld();
    const { sock } = await linked(simulator);
    const ask = () => sock.onWhatsApp(user, sender);
    const both = (await ask())?.map(({ jid }) => jid);
    expect(both).toHaveLength(2);
    simulator.setFault({ kind: "usync-silence", number: sender, to: user, times: 1 });
    expect((await ask())?.map(({ jid }) => jid)).toEqual([both![1]]);
    simulator.setFault({ kind: "usync-error", number: sender, to: user, code: 429, backoff: 60, times: 1 });
    await expect(ask()).rejects.toMatchObject({ data: 429 });
    simulator.setFault({ kind: "usync-error", number: sender, at: "iq", code: 429, times: 1 });
    await expect(ask()).rejects.toMatchObject({ data: 429 });
    simulator.setFault({ kind: "usync-error", number: sender, at: "result", code: 429, backoff: 3600, times: 1 });
    const answer = new Promise<BinaryNode>((resolve) => sock.ws.once("CB:iq,,usync", resolve));
    expect(await ask()).toEqual([]);
    const usync = getBinaryNodeChild(await answer, "usync");
    const contact = getBinaryNodeChild(getBinaryNodeChild(usync, "result"), "contact");
    expect(getBinaryNodeChild(contact, "error")?.attrs).toMatchObject({ code: "429", backoff: "3600" });
    expect(await ask()).toHaveLength(2);
  });

  it("answers questions for the limits with an error or with nothing", async () => {
    const simulator = await newWorld();
    const { sock } = await linked(simulator);
    simulator.setFault({ kind: "limits-error", number: sender, times: 1 });
    await expect(sock.fetchAccountReachoutTimelock()).rejects.toThrow("internal error");
    simulator.setFault({ kind: "limits-error", number: sender, empty: true, times: 1 });
    expect(await sock.fetchNewChatMessageCap()).toBeNull();
    expect(await sock.fetchNewChatMessageCap()).toMatchObject({ capping_status: "NONE" });
  });

  it("stalls a pairing by code without an answer", async () => {
    const simulator = await newWorld();
    simulator.setFault({ kind: "pairing-stall", number: sender, times: 1 });
    const pairing = client(simulator, undefined, { browser: Browsers.ubuntu("Chrome") });
    await pairing.qr;
    const code = await pairing.sock.requestPairingCode(sender.slice(1));
    await until(() => simulator.phone(sender).awaitsPairingCode);
    const heard: string[] = [];
    pairing.sock.ws.on("CB:notification", ({ attrs }: BinaryNode) => heard.push(attrs["type"] ?? ""));
    await expect(simulator.enterPairingCode(sender, code)).rejects.toMatchObject({ code: "pairing_failed" });
    await pause(20);
    expect(heard).toEqual(["link_code_companion_reg"]);
    expect(simulator.phone(sender).devices).toEqual([]);
    expect(simulator.waiting()).toBe(1);
    expect(simulator.faults()).toEqual([]);
  });

  it("refuses faults of numbers that no phone has, and ends of faults that are not on", async () => {
    const simulator = await newWorld();
    expect(() => simulator.setFault({ kind: "mute", number: "+999999999" })).toThrow(
      expect.objectContaining({ code: "phone_not_found", field: "number" }),
    );
    expect(() => simulator.clearFaults("nope")).toThrow(expect.objectContaining({ code: "fault_not_found" }));
  });
});
