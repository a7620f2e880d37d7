import { Browsers } from "@whiskeysockets/baileys";
import { describe, expect, it } from "vitest";
import { textOf } from "./support/client.ts";
import { client, linked, newWorld, pause, sender, sendText, until, user, userJid } from "./support/world.ts";

describe("pairing", () => {
  it("links a client by the QR as Baileys shows it, and asks it to restart", async () => {
    const simulator = await newWorld();
    const pairing = client(simulator);
    const qr = await pairing.qr;
    expect(qr).toMatch(/^https:\/\/wa\.me\/settings\/linked_devices#2@/);
    expect(simulator.waiting()).toBe(1);
    const device = await simulator.scan(sender, qr);
    expect(device).toMatchObject({ id: 1, jid: "6281100000001:1@s.whatsapp.net", platform: "chrome on Ubuntu" });
    expect(await pairing.closed).toMatchObject({ code: 515 });
    expect(simulator.waiting()).toBe(0);
    expect(pairing.auth.creds.me).toMatchObject({ id: "6281100000001:1@s.whatsapp.net", name: "Sandi" });
  });

  it("links a client by the raw form of the QR", async () => {
    const simulator = await newWorld();
    const pairing = client(simulator);
    const qr = await pairing.qr;
    await simulator.scan(sender, qr.slice(qr.indexOf("2@")));
    expect(await pairing.closed).toMatchObject({ code: 515 });
  });

  it("logs a client in again with what it saved, and Baileys has nothing to complain about", async () => {
    const simulator = await newWorld();
    const first = await linked(simulator);
    await first.end();
    const again = client(simulator, first.auth);
    await again.opened;
    expect(again.sock.user?.lid).toMatch(/^\d{15}:1@lid$/);
    expect([...first.complaints, ...again.complaints]).toEqual([]);
    expect(simulator.stats()).toMatchObject({ pairings: 1, logins: 2, devicesWithTwoOwners: 0, unknownIqs: {} });
  });

  it("takes 812 pre-keys at the first login and none at the second", async () => {
    const simulator = await newWorld();
    const first = await linked(simulator);
    expect(first.auth.creds.nextPreKeyId).toBe(813);
    await first.end();
    const again = client(simulator, first.auth);
    await again.opened;
    expect(again.auth.creds.nextPreKeyId).toBe(813);
  });

  it("gives a new client keys and history at once, so that it does not wait for them", async () => {
    const simulator = await newWorld();
    await simulator.send(user, { to: sender, text: "before linking" });
    const session = await linked(simulator);
    await until(() => (session.auth.creds.accountSyncCounter ?? 0) > 0, 3000);
    expect(session.auth.creds.myAppStateKeyId).toBeTruthy();
    await until(() => session.auth.keys.records.has("lid-mapping 6281100000002"));
  });

  it("gives keys and history when the phone comes back, if it was offline at the first login", async () => {
    const simulator = await newWorld();
    const pairing = client(simulator);
    await simulator.scan(sender, await pairing.qr);
    await pairing.closed;
    simulator.updatePhone(sender, { online: false });
    const session = client(simulator, pairing.auth);
    await session.opened;
    expect(session.auth.creds.myAppStateKeyId).toBeUndefined();
    simulator.updatePhone(sender, { online: true });
    await until(() => session.auth.creds.myAppStateKeyId !== undefined);
  });

  it("keeps what is written to a client between its pairing and its first login", async () => {
    const simulator = await newWorld();
    const pairing = client(simulator);
    await simulator.scan(sender, await pairing.qr);
    await pairing.closed;
    await simulator.send(user, { to: sender, text: "welcome" });
    const session = client(simulator, pairing.auth);
    await session.message((message) => textOf(message) === "welcome");
    expect(session.complaints).toEqual([]);
  });

  it("links a client by pairing code", async () => {
    const simulator = await newWorld();
    const pairing = client(simulator, undefined, { browser: Browsers.ubuntu("Chrome") });
    await pairing.qr;
    const code = await pairing.sock.requestPairingCode("6281100000001");
    await until(() => simulator.phone(sender).awaitsPairingCode);
    const typed = `${code.slice(0, 4)}-${code.slice(4)}`.toLowerCase();
    await simulator.enterPairingCode(sender, typed);
    await pairing.closed;
    expect(simulator.phone(sender)).toMatchObject({ awaitsPairingCode: false, devices: [{ id: 1 }] });
    const session = client(simulator, pairing.auth);
    await session.opened;
    await sendText(session, userJid, "by code");
    await simulator.waitForMessage(user, ({ text }) => text === "by code");
  });

  it("refuses a wrong pairing code, and takes the right one afterwards", async () => {
    const simulator = await newWorld();
    const pairing = client(simulator, undefined, { browser: Browsers.ubuntu("Chrome") });
    await pairing.qr;
    const code = await pairing.sock.requestPairingCode("6281100000001");
    await until(() => simulator.phone(sender).awaitsPairingCode);
    const wrong = code === "AAAAAAAA" ? "BBBBBBBB" : "AAAAAAAA";
    await expect(simulator.enterPairingCode(sender, wrong)).rejects.toMatchObject({ code: "wrong_pairing_code" });
    await simulator.enterPairingCode(sender, code);
    expect(simulator.phone(sender).devices).toHaveLength(1);
  });

  it("refuses what is no QR, a QR that no session shows, and one of other keys", async () => {
    const simulator = await newWorld();
    await expect(simulator.scan(sender, "hello")).rejects.toMatchObject({ code: "invalid_qr", field: "qr" });
    await expect(simulator.scan(sender, "2@gone,a,b,c,1")).rejects.toMatchObject({ code: "qr_expired" });
    const [one, other] = [client(simulator), client(simulator)];
    const [reference, ...rest] = (await one.qr).split(",");
    const foreign = [reference, ...(await other.qr).split(",").slice(1)].join(",");
    expect(rest).toHaveLength(4);
    await expect(simulator.scan(sender, foreign)).rejects.toMatchObject({ code: "qr_mismatch" });
    await one.end();
    await until(() => simulator.waiting() === 1);
    await expect(simulator.scan(sender, await one.qr)).rejects.toMatchObject({ code: "qr_expired" });
  });

  it("fails at once when the client goes away in the middle", async () => {
    const simulator = await newWorld();
    const pairing = client(simulator);
    const qr = await pairing.qr;
    pairing.sock.ws.removeAllListeners("CB:iq,,pair-success");
    pairing.sock.ws.on("CB:iq,,pair-success", () => void pairing.end());
    await expect(simulator.scan(sender, qr)).rejects.toMatchObject({ code: "pairing_failed" });
    expect(simulator.phone(sender).devices).toEqual([]);
  });

  it("refuses a pairing code that no client asked for, and a scan by a phone that is offline", async () => {
    const simulator = await newWorld();
    await expect(simulator.enterPairingCode(sender, "ABCD1234")).rejects.toMatchObject({
      code: "pairing_code_not_expected",
    });
    const pairing = client(simulator);
    simulator.updatePhone(sender, { online: false });
    await expect(simulator.scan(sender, await pairing.qr)).rejects.toMatchObject({ code: "phone_offline" });
  });

  it("shows the client the next QR when one is used up, and each of them works", async () => {
    const simulator = await newWorld();
    const pairing = client(simulator, undefined, { qrTimeout: 100 });
    const codes = new Set<string>();
    pairing.sock.ev.on("connection.update", ({ qr }) => qr !== undefined && codes.add(qr));
    await pairing.qr;
    await until(() => codes.size >= 2);
    await simulator.scan(sender, [...codes].at(-1) ?? "");
    expect(await pairing.closed).toMatchObject({ code: 515 });
  });

  it("deletes a companion that logs out, and refuses it afterwards", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    await session.sock.logout();
    await until(() => simulator.phone(sender).devices.length === 0);
    const again = client(simulator, session.auth);
    expect(await again.closed).toMatchObject({ code: 401 });
    expect(simulator.stats().loginsRefused).toBe(1);
  });

  it("throws a companion out with 401 when its phone unlinks it", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    simulator.unlink(sender, 1);
    expect(await session.closed).toMatchObject({ code: 401 });
    expect(simulator.phone(sender).devices).toEqual([]);
    expect(() => simulator.unlink(sender, 1)).toThrow(expect.objectContaining({ code: "device_not_found" }));
  });

  it("refuses the number and device of a companion with another static key", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const thief = client(simulator);
    await thief.qr;
    const creds = { ...session.auth.creds, noiseKey: thief.auth.creds.noiseKey };
    const stolen = client(simulator, { creds, keys: session.auth.keys });
    expect(await stolen.closed).toMatchObject({ code: 401 });
    await pause(30);
    expect(simulator.phone(sender).devices).toMatchObject([{ connected: true }]);
  });
});
