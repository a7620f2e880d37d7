import { afterEach, expect, test } from "vitest";
import { until } from "./support/fake-edge.ts";
import { newId, qrOf, type Rig, startRig } from "./support/rig.ts";

let rig: Rig;
afterEach(() => rig.close());

test("linking by code that stalls, as with a passkey, is called so", async () => {
  rig = await startRig({ tuning: { linkingStallMs: 200 } });
  const number = "+6281200000001";
  rig.simulator.createPhone({ number });
  rig.simulator.setFault({ kind: "pairing-stall", number });
  const sessionId = newId("ses");
  await rig.setDesiredState({ sessionId });
  await until("it is pairing", () => rig.edge.statesOf(sessionId).at(-1) === "pairing");
  const response = await rig.edge.rpc("/rpc/sessions/pairing-code", { sessionId, phone: number });
  const { code } = (await response.json()) as { code: string };
  await until("the phone asks for the code", () => rig.simulator.phone(number).awaitsPairingCode);
  await rig.simulator.enterPairingCode(number, code).catch(() => undefined);
  await until("it ends", () => rig.edge.statesOf(sessionId).at(-1) === "ended/passkey_required");
  expect(await qrOf(rig, sessionId)).toBeNull();

  rig.simulator.clearFaults();
  await rig.setDesiredState({ sessionId });
  const qr = await until("a new code is shown", () => qrOf(rig, sessionId));
  await rig.simulator.scan(number, qr);
  await until("it is online", () => rig.edge.statesOf(sessionId).at(-1) === "online");
});

test("a scan by an account that requires a passkey is reported as such", async () => {
  rig = await startRig();
  const number = "+6281200000001";
  rig.simulator.createPhone({ number });
  rig.simulator.setFault({ kind: "pairing-stall", number });
  const sessionId = newId("ses");
  await rig.setDesiredState({ sessionId });
  const qr = await until("a code is shown", () => qrOf(rig, sessionId));
  await rig.simulator.scan(number, qr).catch(() => undefined);
  await until("it ends", () => rig.edge.statesOf(sessionId).at(-1) === "ended/passkey_required");
  expect(await qrOf(rig, sessionId)).toBeNull();
});

test.each([
  ["no passkey: it is linked", false],
  ["a passkey: it is called so", true],
])("a notification without keys before the phone's answer decides nothing; with %s", async (_name, passkey) => {
  rig = await startRig({ tuning: { linkingStallMs: 2000 } });
  const number = "+6281200000001";
  rig.simulator.createPhone({ number });
  rig.simulator.setFault({ kind: "empty-link-code", number, passkey });
  const sessionId = newId("ses");
  await rig.setDesiredState({ sessionId });
  await until("it is pairing", () => rig.edge.statesOf(sessionId).at(-1) === "pairing");
  const response = await rig.edge.rpc("/rpc/sessions/pairing-code", { sessionId, phone: number });
  const { code } = (await response.json()) as { code: string };
  if (passkey) {
    await until("it ends", () => rig.edge.statesOf(sessionId).at(-1) === "ended/passkey_required");
  } else {
    await until("the phone asks for the code", () => rig.simulator.phone(number).awaitsPairingCode);
    // Its owner may take longer to type the code than linking takes.
    await new Promise((resolve) => setTimeout(resolve, 2200));
    await rig.simulator.enterPairingCode(number, code);
    await until("it is online", () => rig.edge.statesOf(sessionId).at(-1) === "online");
  }
  expect(rig.simulator.stats().pairings).toBe(passkey ? 0 : 1);
});

test("a pairing code that was not used does not stand in the way of the next QR code", async () => {
  rig = await startRig({ tuning: { qrTimeoutMs: 150 } });
  const number = "+6281200000001";
  rig.simulator.createPhone({ number });
  const sessionId = newId("ses");
  await rig.setDesiredState({ sessionId });
  await until("it is pairing", () => rig.edge.statesOf(sessionId).at(-1) === "pairing");
  expect((await rig.edge.rpc("/rpc/sessions/pairing-code", { sessionId, phone: number })).status).toBe(200);
  await until("it gives up", () => rig.edge.statesOf(sessionId).at(-1) === "stopped/pairing_timed_out");
  await rig.setDesiredState({ sessionId });
  await until("a QR code is scanned", async () => {
    const qr = await qrOf(rig, sessionId);
    return (
      qr !== null &&
      (await rig.simulator.scan(number, qr).then(
        () => true,
        () => false,
      ))
    );
  });
  await until("it is online", () => rig.edge.statesOf(sessionId).at(-1) === "online");
  expect(rig.edge.statesOf(sessionId).at(-1)).toBe("online");
});

test("a pairing code that is still valid is returned again, and the phone is not asked again", async () => {
  rig = await startRig();
  const [number, other] = ["+6281200000001", "+6281200000002"] as const;
  rig.simulator.createPhone({ number });
  rig.simulator.createPhone({ number: other });
  const sessionId = newId("ses");
  await rig.setDesiredState({ sessionId });
  await until("it is pairing", () => rig.edge.statesOf(sessionId).at(-1) === "pairing");
  const codeFor = async (phone: string) =>
    (await (await rig.edge.rpc("/rpc/sessions/pairing-code", { sessionId, phone })).json()) as { code: string };
  const [first, again] = await Promise.all([codeFor(number), codeFor(number)]);
  expect(again).toEqual(first);
  expect((await codeFor(other)).code).not.toBe(first.code);
  // WhatsApp takes the latest code only.
  const latest = await codeFor(number);
  expect(latest.code).not.toBe(first.code);
  await until("the phone asks for the code", () => rig.simulator.phone(number).awaitsPairingCode);
  await rig.simulator.enterPairingCode(number, latest.code);
  await until("it is online", () => rig.edge.statesOf(sessionId).at(-1) === "online");
});

test("each session has its own account, and thirty of them come and go", async () => {
  rig = await startRig();
  const numbers = Array.from({ length: 30 }, (_, i) => `+6281200001${String(i).padStart(3, "0")}`);
  const sessions: string[] = [];
  for (let i = 0; i < numbers.length; i += 10) {
    sessions.push(...(await Promise.all(numbers.slice(i, i + 10).map((number) => rig.pair(number)))));
  }
  const phoneOf = (sessionId: string) =>
    rig.edge.events.findLast((event) => event.type === "session.state" && event.sessionId === sessionId);
  expect(sessions.map((id) => phoneOf(id))).toMatchObject(numbers.map((phone) => ({ state: "online", phone })));
  await rig.stop();
  expect(rig.simulator.stats().sockets.open).toBe(0);
  await rig.start();
  await until("all are back", () => rig.simulator.stats().sockets.loggedIn === 30);
  expect(rig.simulator.stats()).toMatchObject({ pairings: 30, devicesWithTwoOwners: 0 });
});

test.each([
  ["+5215512345678", "+525512345678"],
  ["+525512345679", "+525512345679"],
  ["+556191674812", "+5561991674812"],
])(
  "an account is linked by its own spelling %s, and reported under its canonical number %s",
  async (number, canonical) => {
    rig = await startRig();
    rig.simulator.createPhone({ number });
    const sessionId = newId("ses");
    await rig.setDesiredState({ sessionId });
    await until("it is pairing", () => rig.edge.statesOf(sessionId).at(-1) === "pairing");
    const response = await rig.edge.rpc("/rpc/sessions/pairing-code", { sessionId, phone: number });
    const { code } = (await response.json()) as { code: string };
    await until("the phone asks for the code", () => rig.simulator.phone(number).awaitsPairingCode);
    await rig.simulator.enterPairingCode(number, code);
    await until("it is online", () => rig.edge.statesOf(sessionId).at(-1) === "online");
    const last = rig.edge.events.findLast((event) => event.type === "session.state");
    expect(last).toMatchObject({ state: "online", phone: canonical });

    // Recipients and senders know it by either spelling.
    const user = "+6281300000002";
    rig.simulator.createPhone({ number: user });
    await rig.send(sessionId, { to: user, code: "123456" });
    await rig.simulator.openLink(user, `https://wa.me/${canonical.slice(1)}?text=SV-0123456789ABC`);
    await until("the token arrives", () =>
      rig.edge.events.some((event) => event.type === "message.received" && event.token === "0123456789ABC"),
    );
  },
);
